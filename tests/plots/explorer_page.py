"""What tests ask of the interactive figures on a report's page."""

import base64
import json

import pytest

from regretta.plots.interactive.library import library
from tests.plots.browser import BROWSER

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine"),
]
scripted = pytest.mark.skipif(library() is None, reason="plotly is not installed")

READY = "document.querySelector('#explore-plot')?.dataset.ready === 'yes'"
DRAWN = "document.querySelector('#explore-plot').data"

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
"""A picture of one pixel."""


def text(page, selector):
    return page.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def choose(page, name, value):
    page.click(f'input[name="explore-{name}"][value="{value}"] + span')


def rows(page):
    """The table below the figure, by method."""
    cells = "[...row.cells].slice(1).map(cell => cell.textContent.replace('\\u00a0', ' '))"
    table = f"""[...document.querySelectorAll('#explore-values tbody tr')]
        .map(row => [row.cells[0].textContent, {cells}])"""
    return dict(page.evaluate(table))


def to_slider(page, place):
    page.evaluate(
        f"(() => {{ const s = document.querySelector('#explore-at'); s.value = {place};"
        " s.dispatchEvent(new Event('input')); })()"
    )
