"""Text of others becomes lines and cells that command nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.tabular_data.text import described, printable, shortened, spreadsheet_cell


def test_printable_text_is_one_line_without_commands() -> None:
    assert printable("a\nb\r\n\tc\x1b[2J\x00\u2028d\u202ee") == "a b c[2J de"
    assert printable("\x9b31mred\x07 \ud800 half") == "31mred  half"
    assert printable("é 木 😀 שלום") == "é 木 😀 שלום"


@given(st.text())
def test_no_control_comes_through(text: str) -> None:
    line = printable(text)
    assert "\n" not in line
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line)
    line.encode()


@given(st.text(max_size=300), st.integers(60, 200))
def test_a_shortened_text_is_never_longer(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short == text or (short[:10] == text[:10] and short[-5:] == text[-5:])


def test_an_error_is_one_short_line_whatever_its_text() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    assert described(ValueError("two\nlines\x1b[2J")) == "ValueError: two lines[2J"
    assert described(ValueError()) == "ValueError"
    assert described(Broken()) == "Broken: its text cannot be made"
    assert len(described(ValueError("x" * 1_000_000))) < 500


@pytest.mark.parametrize(
    "formula",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(1)", "-", "+-1"],
)
def test_no_spreadsheet_takes_a_cell_for_a_formula(formula: str) -> None:
    assert spreadsheet_cell(formula) == "'" + formula


@pytest.mark.parametrize("cell", [-1.5, 3, True, "-1.5", "+3", "-1e-05", "-.5", "a=b", "", "a-b"])
def test_numbers_and_harmless_texts_stay_what_they_are(cell: object) -> None:
    assert spreadsheet_cell(cell) is cell


def test_nothing_is_an_empty_cell() -> None:
    assert spreadsheet_cell(None) == ""
