"""The network that a NAS-Bench-101 cell stands for: its channels and its convolutions.

Everything here is arithmetic on the cell; nothing is trained and PyTorch is not needed.

Source: Ying et al. (2019), "NAS-Bench-101: Towards Reproducible Neural Architecture Search",
arXiv:1902.09635, section 2.
"""

from __future__ import annotations

from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.shapes import Convolution, Shape, stage_shapes
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS, Cell

CONV3X3, CONV1X1, MAXPOOL3X3 = OPERATIONS


def vertex_channels(cell: Cell, in_channels: int, out_channels: int) -> list[int]:
    """Channels of every vertex of a cell.

    The output is the concatenation of the interior vertices that feed it: its channels are
    divided among them, and the remainder goes, one each, to the first ones. Any other interior
    vertex has as many channels as the widest vertex that it feeds.

    Parameters
    ----------
    cell : Cell
    in_channels, out_channels : int
        Channels of the cell's input and of its output.

    Returns
    -------
    list of int
        One number a vertex.

    Raises
    ------
    MeasureError
        More vertices feed the output than it has channels.
    """
    n = cell.vertices
    channels = [0] * n
    channels[0], channels[n - 1] = in_channels, out_channels
    feeding = [v for v in range(1, n - 1) if cell.matrix[v, -1]]
    if len(feeding) > out_channels:
        raise MeasureError(f"cell: {len(feeding)} vertices share {out_channels} output channels")
    for rank, v in enumerate(feeding):
        share, remainder = divmod(out_channels, len(feeding))
        channels[v] = share + (rank < remainder)
    for v in range(n - 3, 0, -1):
        if not channels[v]:
            channels[v] = max(channels[w] for w in range(v + 1, n - 1) if cell.matrix[v, w])
    return channels


def convolutions(
    cell: Cell, image: Shape, widths: tuple[int, ...], cells_per_stage: int = 1
) -> list[Convolution]:
    """List the convolutions of the whole network, the stem first, in the order they are used.

    Parameters
    ----------
    cell : Cell
        The cell that the network repeats.
    image : Shape
        Shape of an input image.
    widths : tuple of int
        Channels of each stage.
    cells_per_stage : int
        How often each stage repeats the cell.

    Returns
    -------
    list of Convolution
        Named ``stem``, ``<stage>.<cell>.project`` and ``<stage>.<cell>.<vertex>``.
    """
    layers = [Convolution("stem", 3, image.channels, widths[0], image.height, image.width)]
    channels = widths[0]
    for stage, shape in enumerate(stage_shapes(image, widths)):
        for repeat in range(cells_per_stage):
            counts = vertex_channels(cell, channels, shape.channels)
            projected = sum(counts[v] for v in range(1, cell.vertices) if cell.matrix[0, v])
            place = f"{stage}.{repeat}"
            layers.append(
                Convolution(f"{place}.project", 1, channels, projected, shape.height, shape.width)
            )
            for v, operation in enumerate(cell.operations, start=1):
                if operation != MAXPOOL3X3:
                    kernel = 3 if operation == CONV3X3 else 1
                    layers.append(
                        Convolution(
                            f"{place}.{v}", kernel, counts[v], counts[v], shape.height, shape.width
                        )
                    )
            channels = shape.channels
    return layers
