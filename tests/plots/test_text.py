"""Text of others: labels and names that hold anything."""

import shutil
import subprocess
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.plots.style import ONE_COLUMN, house, panels, png
from regretta.plots.text import (
    MOST_CHARACTERS,
    MOST_INCHES,
    POINTS,
    drawable,
    escape_latex,
    picture_names,
    shorten,
    text_width,
)
from tests.plots.overlap import painted_texts

STRANGE = (
    "$\\frac{1}$",
    "$",
    "$a$ and $b$",
    "\\",
    "100 % _of_ {this} & #that ~ ^",
    "木" * 30,
    "😀 👩‍🔬",
    "אבג שלום",
    "مرحبا",
    "e\u0301a\u0300",
    "two\nlines\tand\ra\x00\x1b[31mcommand",
    "\u202eturned\u202c",
    "x" * 500,
    "W" * 500,
    "[cell] *",
    "--- '' `` ?` !` << >> |",
    " ",
)


def test_latex_shows_what_was_written():
    assert escape_latex("50 % of $x_i$ & {y} #1") == r"50 \% of \$x\_i\$ \& \{y\} \#1"
    assert escape_latex("\\cmd~^") == r"\textbackslash{}cmd\textasciitilde{}\textasciicircum{}"
    assert escape_latex("a--b") == "a-{}-b"
    assert escape_latex("[3] *") == "{[}3] {*}"
    assert escape_latex("two\nlines") == "two lines"


def test_what_the_font_lacks_is_an_empty_square():
    assert drawable("木a") == "□a"
    assert drawable("é ≤ שלום 😀") == "é ≤ שלום 😀"
    assert drawable("$x^2$\\") == "$x^2$\\"


def test_a_long_name_keeps_its_beginning_and_its_end():
    name = "regularized_evolution_with_population_100"
    short = shorten(name)
    assert len(short) <= MOST_CHARACTERS
    assert text_width(short, POINTS) <= MOST_INCHES
    head, tail = short.split("…")
    assert name.startswith(head)
    assert name.endswith(tail)
    assert shorten("Regularized evolution") == "Regularized evolution"


def test_names_that_shorten_to_the_same_stay_apart():
    names = picture_names(["x" * 100, "x" * 200, "木", "林", "\x00", "a"])
    assert len(set(names)) == 6
    assert names[1].endswith("#2")
    assert names[2:4] == ["□ #3", "□ #4"]
    assert names[5] == "a"


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_names_are_drawable_short_and_different(names):
    found = picture_names(names)
    assert len(set(found)) == len(found) == len(names)
    for name in found:
        assert name
        assert drawable(name) == name
        assert text_width(name, POINTS) <= MOST_INCHES + 0.2


def test_any_text_is_painted_as_it_is_and_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in picture_names(STRANGE):
            with house():
                made, (ax,) = panels(1, ONE_COLUMN, 1.0)
                ax.set_title(name)
            assert name in [painted.text for painted in painted_texts(made)]
            assert png(made).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_compiles_whatever_was_written(tmp_path):
    rows = "\n".join(
        f"{escape_latex(text)} & x \\\\" for text in STRANGE if text.isascii() and len(text) < 99
    )
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\begin{document}\\begin{tabular}{ll}\n"
        f"{rows}\n\\end{{tabular}}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
