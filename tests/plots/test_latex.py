"""A LaTeX table fits the column or the page that it is for."""

from __future__ import annotations

import pytest

from regretta.plots.latex import fitting, letters, table_width
from regretta.plots.tables import ReportTable


def test_a_digit_of_computer_modern_is_half_as_wide_as_the_letters_are_high() -> None:
    assert letters("0" * 20) == pytest.approx(20 * 5.0, rel=0.02)


def test_signs_of_mathematics_are_wider_than_digits() -> None:
    """In cmsy10 and cmr10: times, plus-minus, less-or-equal 7.78 points, an em dash 10."""
    assert letters("×±≤≥" * 5) == pytest.approx(20 * 7.78, rel=0.02)
    assert letters("—" * 10) == pytest.approx(100, rel=0.02)


def test_columns_have_space_to_either_side() -> None:
    one = table_width([["0"]], "", 6)
    assert one == pytest.approx(5 * 1.15 + 12, rel=0.02)
    assert table_width([["0", "0"], ["0", "0"]], "", 6) == pytest.approx(2 * one)


@pytest.mark.parametrize(
    ("size", "bold_digits"),
    [("", 57.4997), ("small", 53.24936), ("footnotesize", 49.0004), ("scriptsize", 45.30548)],
)
def test_a_table_is_at_least_as_wide_as_latex_sets_it(size: str, bold_digits: float) -> None:
    """Ten bold digits as pdfTeX (TeX Live 2022) measures them in an article of 10 points."""
    assert bold_digits <= table_width([["0123456789"]], size, 0) <= bold_digits * 1.03


@pytest.mark.parametrize(
    ("digits", "environment", "said"),
    [
        (30, "table", ""),  # 30 * 5.75 + 12 = 184.5 of 234.9 points
        (41, "table", "small"),  # 248 points; 227 at 9 points
        (50, "table", "scriptsize"),  # 275 at 9, 251 at 8, 235 at 7
        (70, "table*", ""),  # 327 at 7 points; the page has 487.8
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
