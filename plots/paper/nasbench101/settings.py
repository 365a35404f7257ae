"""One method under several values of its settings, a panel a setting (S2 to S5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from regretta.harness.result import RunResult
from regretta.optimizers.registry import get_optimizer
from regretta.plots.regret_curve import RegretCurves, draw_panel
from regretta.plots.style import MethodStyle, graded_styles, house, panels, span
from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Settings = Mapping[str, Sequence[tuple[str, str]]]
"""Setting → labels and values of a panel, ascending where they are numbers."""


def by_setting(runs: Mapping[str, Sequence[RunResult]]) -> Settings:
    """The settings in which labels differ from the first label, which stands in every panel.

    A label that differs in several settings stands at the first of them, with all of its values.
    """
    first, *others = runs
    base = runs[first][0].settings
    found: dict[str, list[tuple[str, str]]] = {}
    for label in others:
        settings = runs[label][0].settings
        changed = [key for key in settings if settings[key] != base.get(key)]
        if changed:
            value = ", ".join(_shown(settings[key]) for key in changed)
            found.setdefault(changed[0], [(first, _shown(base.get(changed[0])))]).append(
                (label, value)
            )
    return {key: sorted(labels, key=_order) for key, labels in found.items()}


def _shown(value: object) -> str:
    return (
        f"{value:g}"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )


def _order(item: tuple[str, str]) -> tuple[float, str]:
    try:
        return float(item[1]), ""
    except ValueError:
        return np.inf, item[1]


def is_published(run: RunResult) -> bool:
    """Whether a run has the settings of the paper's comparison, which are a method's defaults."""
    try:
        defaults = asdict(get_optimizer(run.optimizer).make_settings())
    except UserError:
        return False
    return json.dumps(dict(run.settings), sort_keys=True) == json.dumps(defaults, sort_keys=True)


def draw_settings(shown: RegretCurves, settings: Settings, width: float, published: bool) -> Figure:
    """Draw a panel a setting; the first label, in black, is in each.

    Parameters
    ----------
    shown
        The curves of all labels.
    settings
        From `by_setting`; at least one.
    width
        `regretta.plots.style.ONE_COLUMN` or `TWO_COLUMNS`.
    published
        Whether the first label has the paper's settings.
    """
    curves = {curve.label: curve for curve in shown.curves}
    first = shown.curves[0].label
    with house():
        figure, axes = panels(len(settings), width, 3.1)
        for ax, (setting, labels) in zip(axes, settings.items(), strict=True):
            looks = graded_styles([value for _, value in labels])
            styles = {label: look for (label, _), look in zip(labels, looks, strict=True)}
            name = styles[first].name + (", the paper's" if published else "")
            styles[first] = MethodStyle(name, "black", styles[first].marker)
            part = replace(shown, curves=tuple(curves[label] for label in styles))
            handles = draw_panel(ax, part, styles, ax.get_subplotspec().is_first_col())  # type: ignore[union-attr]
            heading = setting.replace("_", " ").capitalize()
            numbers = [curves[label].runs for label in handles]
            ax.legend(
                list(handles.values()),
                [styles[label].name for label in handles],
                title=f"{heading}; n = {span(numbers)}",
                loc="upper center",
                bbox_to_anchor=(0.5, -0.25),
                ncols=2,
            )
    return figure
