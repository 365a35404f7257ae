"""Channels, parameters and multiply-adds of a NAS-Bench-101 cell, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.nasbench101.architecture import (
    CONV1X1,
    CONV3X3,
    MAXPOOL3X3,
    convolutions,
    vertex_channels,
)
from regretta.tabular_data.measure.shapes import (
    Shape,
    count_multiply_adds,
    count_parameters,
    stage_shapes,
)
from regretta.tabular_data.spaces.nasbench101_graph import Cell, prune


def cell_of(edges: str, operations: list[str]) -> Cell:
    """A cell of edges such as ``"01 12"``."""
    n = len(operations) + 2
    matrix = np.zeros((n, n), dtype=int)
    for edge in edges.split():
        matrix[int(edge[0]), int(edge[1])] = 1
    cell = prune(matrix, operations)
    assert cell is not None
    return cell


# The rule of Ying et al. (2019), section 2: the output's channels are divided among the vertices
# that feed it, the remainder going one each to the first of them; every other vertex takes the
# widest of those it feeds.
@pytest.mark.parametrize(
    ("edges", "n_interior", "channels"),
    [
        ("01", 0, [8, 16]),
        ("01 12", 1, [8, 16, 16]),
        ("01 02 13 23", 2, [8, 8, 8, 16]),
        ("01 02 03 14 24 34", 3, [8, 6, 5, 5, 16]),
        ("01 12 02 13 23 34", 3, [8, 16, 16, 16, 16]),
        # 16 = 4 · 4: four vertices of four; vertex 1 feeds two of them only.
        ("01 12 13 02 04 05 26 36 46 56", 5, [8, 4, 4, 4, 4, 4, 16]),
        # 16 = 6 + 5 + 5 for vertices 2, 3 and 4, and vertex 1 is as wide as the wider of 3 and 4.
        ("01 02 13 14 25 35 45", 4, [8, 5, 6, 5, 5, 16]),
        # Vertex 1 feeds 2 (six wide) and 3 (five wide): six, of which 3 takes the first five.
        ("01 12 13 04 25 35 45", 4, [8, 6, 6, 5, 5, 16]),
        # A vertex that feeds the output keeps its share, however wide its other targets are.
        ("01 12 14 23 34", 3, [8, 8, 8, 8, 16]),
        # The input's edge to the output is a projection that is added, and takes no share.
        ("01 12 02", 1, [8, 16, 16]),
    ],
)
def test_channels_are_split_as_the_paper_says(
    edges: str, n_interior: int, channels: list[int]
) -> None:
    assert vertex_channels(cell_of(edges, [CONV3X3] * n_interior), 8, 16) == channels


def test_more_feeding_vertices_than_output_channels_cannot_be() -> None:
    with pytest.raises(MeasureError, match="3 vertices share 2 output channels"):
        vertex_channels(cell_of("01 02 03 14 24 34", [CONV3X3] * 3), 2, 2)


def test_parameters_and_multiply_adds_by_hand() -> None:
    # 8 x 8 grey images, one stage of 8 channels, then one of 16 on 4 x 4; input -> 3x3 -> output.
    layers = convolutions(cell_of("01 12", [CONV3X3]), Shape(1, 8, 8), (8, 16))
    stem = 8 * 9 + 16
    first = (8 * 8 + 16) + (8 * 8 * 9 + 16)
    second = (8 * 16 + 32) + (16 * 16 * 9 + 32)
    dense = 16 * 10 + 10
    assert count_parameters(layers, 16, 10) == stem + first + second + dense
    assert count_multiply_adds(layers, 16, 10) == 64 * (72 + 64 + 576) + 16 * (128 + 2304) + 160


def test_pooling_has_no_parameters() -> None:
    image, widths = Shape(1, 8, 8), (8, 16)
    pooled = convolutions(cell_of("01 12", [MAXPOOL3X3]), image, widths)
    assert [layer.name for layer in pooled] == ["stem", "0.0.project", "1.0.project"]
    assert [layer.kernel for layer in convolutions(cell_of("01 12", [CONV1X1]), image, widths)] == [
        3,
        1,
        1,
        1,
        1,
    ]


def test_each_stage_halves_the_images() -> None:
    assert stage_shapes(Shape(3, 9, 8), (8, 16, 32)) == [
        Shape(8, 9, 8),
        Shape(16, 4, 4),
        Shape(32, 2, 2),
    ]
    with pytest.raises(MeasureError, match="too small for 3 stages"):
        stage_shapes(Shape(1, 3, 8), (8, 16, 32))
