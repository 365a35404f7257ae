"""A LaTeX table fits the column or the page that it is for."""

from __future__ import annotations

import pytest

from regretta.plots.latex import fitting, letters, table_width
from regretta.plots.tables import ReportTable


def test_a_digit_of_computer_modern_is_half_as_wide_as_the_letters_are_high() -> None:
    assert letters("0" * 20) == pytest.approx(20 * 5.0, rel=0.02)


def test_columns_have_space_to_either_side() -> None:
    one = table_width([["0"]], 10, 6)
    assert one == pytest.approx(5 * 1.15 + 12, rel=0.02)
    assert table_width([["0", "0"], ["0", "0"]], 10, 6) == pytest.approx(2 * one)


@pytest.mark.parametrize(
    ("digits", "environment", "said"),
    [
        (30, "table", ""),  # 30 * 5.75 + 12 = 184.5 of 234.9 points
        (41, "table", "small"),  # 248 points; 223 in 9 points
        (50, "table", "scriptsize"),  # 270 in 9, 238 in 8, 207 in 7
        (70, "table*", ""),  # 288 in 7 points; the page has 487.8
        (400, "table*", ""),
    ],
)
def test_the_largest_size_that_fits_is_taken(digits: int, environment: str, said: str) -> None:
    found = fitting([["0" * digits]], 3.25, 6.75)
    assert found.environment == environment
    assert (said in found.commands) if said else (found.commands == "")
    assert found.scaled == (digits == 400)


def test_without_a_width_nothing_is_changed() -> None:
    assert fitting([["0" * 400]], None, None).commands == ""


def test_the_best_is_bold_in_latex() -> None:
    table = ReportTable(
        "t", "T", "C", ("m", "x"), [("a", "1"), ("b_c", "2")], (), [], strong={(0, 1)}
    )
    text = table.to_latex(3.25, 6.75)
    assert r"a & \textbf{1} \\" in text
    assert r"b\_c & 2 \\" in text
