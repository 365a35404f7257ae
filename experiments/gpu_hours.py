"""How long supernets of a suite take at the size of the paper, before the suite starts."""

from __future__ import annotations

from regretta.harness.spec import SuiteSpec
from regretta.optimizers.registry import get_optimizer

_PRESET = "paper"


def gpu_hours(spec: SuiteSpec) -> str:
    """A line about the GPU hours of a suite's supernets, from the seconds that the paper took.

    Empty where the suite trains no supernet of the paper's skeleton. Runs that are done already
    are counted too.

    Raises
    ------
    PluginError, SettingsError
        If an optimizer or a setting does not exist.
    """
    seconds: dict[str, float] = {}
    count = 0
    for entry in spec.optimizers:
        if entry.preset != _PRESET and "recipe" not in entry.settings:
            continue
        files = spec.plugins if entry.plugin is None else (entry.plugin,)
        optimizer = get_optimizer(entry.name, files)
        settings = optimizer.make_settings(entry.preset or None, entry.settings)
        skeleton = getattr(settings, "recipe", None)
        presets = optimizer.presets.get(_PRESET, {})
        if skeleton is None or skeleton != presets.get("recipe"):
            continue
        from regretta.plots.paper.nasbench201.published import published

        row = published(optimizer.name, settings.batch_norm)
        if row is None or row.seconds is None:
            continue
        share = settings.epochs / optimizer.make_settings(_PRESET).epochs
        runs = (spec.runs if entry.runs is None else entry.runs) * len(spec.tables)
        count += runs
        seconds[entry.label] = runs * share * row.seconds.mean
    if not seconds:
        return ""
    each = ", ".join(f"{label} {some / 3600:.1f}" for label, some in seconds.items())
    supernets = "1 supernet" if count == 1 else f"{count} supernets"
    return (
        f"about {sum(seconds.values()) / 3600:.0f} GPU hours for {supernets}, as long as the"
        f" paper's took: {each}; Ctrl-C stops, the same command goes on"
    )
