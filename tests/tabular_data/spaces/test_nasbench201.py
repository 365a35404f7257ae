"""NAS-Bench-201: strings, isomorphism, rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.tabular_data.spaces import NasBench201, SpaceError

SPACE = NasBench201()


def test_there_are_15625_cells_of_6_edges_and_5_operations() -> None:
    assert (SPACE.n_cells, SPACE.dim, SPACE.cardinalities) == (15_625, 6, (5,) * 6)


def test_6466_strings_are_unique_up_to_isomorphism() -> None:
    """Dong and Yang 2020, section 2.1."""
    classes = SPACE.isomorphism_classes()
    assert classes.shape == (15_625,)
    assert len(np.unique(classes)) == 6_466


def test_the_order_of_a_sum_does_not_matter_to_isomorphism() -> None:
    """Node 1 is the input itself, so the two branches into the output may swap their sources."""
    classes = SPACE.isomorphism_classes()
    one, other, different = (
        classes[
            SPACE.row(SPACE.from_string(f"|skip_connect~0|+|none~0|none~1|+|{a}~0|{b}~1|none~2|"))
        ]
        for a, b in (
            ("nor_conv_1x1", "avg_pool_3x3"),
            ("avg_pool_3x3", "nor_conv_1x1"),
            ("avg_pool_3x3", "nor_conv_3x3"),
        )
    )
    assert one == other != different


def test_an_operation_on_zero_is_zero_to_isomorphism() -> None:
    classes = SPACE.isomorphism_classes()
    none, conv = (
        classes[SPACE.row(SPACE.from_string(f"|none~0|+|none~0|{op}~1|+|none~0|none~1|none~2|"))]
        for op in ("none", "nor_conv_3x3")
    )
    assert none == conv


def test_an_architecture_string_names_its_operations_edge_by_edge() -> None:
    text = (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
        "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert SPACE.from_string(text).tolist() == [4, 2, 1, 2, 1, 1]
    # 4·5⁵ + 2·5⁴ + 1·5³ + 2·5² + 1·5 + 1
    assert SPACE.row(SPACE.from_string(text)) == 13_931
    assert SPACE.describe(13_931) == text


@given(st.integers(0, 15_624))
def test_strings_and_rows_go_both_ways(row: int) -> None:
    assert SPACE.row(SPACE.from_string(SPACE.describe(row))) == row


def test_rows_of_many_equal_rows_of_each() -> None:
    configurations = SPACE.sample(np.random.default_rng(0), 500)
    assert SPACE.rows(configurations).tolist() == [SPACE.row(c) for c in configurations]
    assert (SPACE.configurations(SPACE.rows(configurations)) == configurations).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation 'conv'"),
        ("|none~0|+|none~0|none~1|", "not a NAS-Bench-201 architecture string"),
        ("", "not a NAS-Bench-201 architecture string"),
        (None, "not a NAS-Bench-201 architecture string"),
        (3, "not a NAS-Bench-201 architecture string"),
    ],
)
def test_a_bad_string_is_refused(text: object, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        SPACE.from_string(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("entries", [[0] * 5, [-1, 0, 0, 0, 0, 0], [5] * 6, [0.5] * 6, [True] * 6])
def test_what_is_no_configuration_has_no_string(entries: list) -> None:
    with pytest.raises(SpaceError):
        SPACE.to_string(entries)


def test_official_strings_are_all_cells_once(shared_tables: Path) -> None:
    lines = (shared_tables / "nb201" / "arch_strings.txt").read_text().split()
    rows = {SPACE.row(SPACE.from_string(line)) for line in lines}
    assert len(lines) == len(rows) == 15_625
