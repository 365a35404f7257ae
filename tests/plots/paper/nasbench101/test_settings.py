"""Supplement figures 2 to 5: which labels stand in which panel."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from regretta.optimizers.registry import get_optimizer
from regretta.plots.paper.nasbench101.settings import by_setting, draw_settings, is_published
from regretta.plots.regret_curve import regret_curves
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS

SETTINGS: dict[str, dict[str, Any]] = {
    "base": {"trees": 5, "fraction": 0.33, "mode": "a"},
    "fifty": {"trees": 50, "fraction": 0.33, "mode": "a"},
    "two": {"trees": 2, "fraction": 0.33, "mode": "a"},
    "none": {"trees": 5, "fraction": 0.0, "mode": "a"},
    "both": {"trees": 9, "fraction": 0.33, "mode": "b"},
}


@pytest.fixture
def runs(run_of: Any) -> dict[str, list[Any]]:
    return {
        label: [replace(run_of(label=label, optimizer="smac"), settings=values)]
        for label, values in SETTINGS.items()
    }


def test_labels_stand_by_value_in_the_panel_of_the_setting_in_which_they_differ(runs: Any) -> None:
    assert by_setting(runs) == {
        "trees": [("two", "2"), ("base", "5"), ("fifty", "50"), ("both", "9, b")],
        "fraction": [("none", "0"), ("base", "0.33")],
    }


def test_labels_that_do_not_differ_make_no_panel(runs: Any) -> None:
    assert by_setting({"one": runs["base"], "other": runs["base"]}) == {}


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_a_panel_has_the_paper_s_settings_in_black_and_a_legend_of_values(
    runs: Any, width: float
) -> None:
    figure = draw_settings(regret_curves(runs), by_setting(runs), width, published=True)
    first, second = figure.axes
    legend = first.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "Trees; n = 1"
    assert [text.get_text() for text in legend.get_texts()] == ["2", "5, the paper's", "50", "9, b"]
    assert [line.get_color() for line in first.get_lines()][1] == "black"
    assert [line.get_color() for line in second.get_lines()][1] == "black"


def test_the_paper_s_settings_are_a_method_s_defaults(run_of: Any) -> None:
    run = run_of(label="smac", optimizer="smac")
    defaults = asdict(get_optimizer("smac").make_settings())
    assert is_published(replace(run, settings=defaults))
    assert not is_published(replace(run, settings=defaults | {"trees": 50}))
    assert not is_published(replace(run, optimizer="mine"))
