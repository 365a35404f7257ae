"""A protocol of one's own: a named one, some of whose rules are others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from regretta.harness.protocol import Protocol, Rules
from regretta.tabular_data.spaces import Counting


@dataclass(frozen=True)
class ProtocolChanges:
    """What a suite's ``[protocol]`` may say; what is left out is as in the protocol it is based on.

    These are the choices that do not follow from others; what each means stands in `Protocol`.

    Attributes
    ----------
    based_on
        Name of a protocol.
    observe, repeat
        What an evaluation shows.
    budgets, trained_budget
        What may be asked for, and what is trained instead.
    charge_evaluation
        What is charged besides the training.
    incumbent
        Which evaluations may become the incumbent.
    test, report_budget
        Which final error is reported.
    crossing
        Whether the evaluation that crosses a time limit counts.
    search_data
        Data set that is searched; empty for the table's own.
    counting
        Of NAS-Bench-101, which edges count.
    """

    based_on: str
    observe: Literal["repeat", "mean"] | None = None
    repeat: int | None = None
    budgets: tuple[float, ...] | None = None
    trained_budget: float | None = None
    charge_evaluation: Literal["never", "always", "measured"] | None = None
    incumbent: Literal["any", "largest"] | None = None
    test: Literal["mean", "repeat"] | None = None
    report_budget: float | None = None
    crossing: bool | None = None
    search_data: str | None = None
    counting: Counting | None = None

    def applied(self, base: Protocol) -> Protocol:
        """The protocol that comes out, whose name says what was changed.

        Raises
        ------
        ProtocolError
            If what comes out contradicts itself.
        """
        changed = {
            name: value
            for name in _CHOICES
            if (value := getattr(self, name)) is not None and value != getattr(base, name)
        }
        if not changed:
            return base
        needs: dict[str, Any] = {"needs_budgets": _needed(base, changed)}
        if "trained_budget" in changed:
            needs["virtual"] = True
        made = replace(
            base,
            name=f"{base.name} with {', '.join(map(_said, changed.items()))}",
            based_on=base.name,
            source="",
            rules=Rules(),
            **{**changed, **needs},
        )
        return replace(made, summary=in_words(made))


_CHOICES = tuple(f.name for f in fields(ProtocolChanges) if f.name != "based_on")


def changes_of(protocol: Protocol, base: Protocol) -> dict[str, Any]:
    """What a suite's ``[protocol]`` says of a protocol that is based on another."""
    found: dict[str, Any] = {"based_on": base.name}
    for name in _CHOICES:
        value = getattr(protocol, name)
        if value != getattr(base, name):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _needed(base: Protocol, changed: Mapping[str, Any]) -> tuple[float, ...]:
    """Budgets that a table must have: of what was changed the new ones, not those of the base."""
    asked = () if base.virtual else base.budgets
    kept = [b for b in base.needs_budgets if b in asked]
    if "budgets" in changed:
        kept = [] if base.virtual or "trained_budget" in changed else [*changed["budgets"]]
    if "report_budget" not in changed:
        kept += [b for b in base.needs_budgets if b == base.report_budget]
    return tuple(sorted(set(kept)))


def _said(change: tuple[str, Any]) -> str:
    """A change as a name says it."""
    name, value = change
    words = name.replace("_", " ")
    if name == "observe":
        return "the mean of repeats" if value == "mean" else "single repeats"
    if name == "crossing":
        return words if value else f"no {words}"
    if isinstance(value, tuple):
        return f"{words} {' '.join(f'{budget:.12g}' for budget in value)}"
    if name == "search_data":
        return f"{words} {value or 'of the table'}"
    return f"{words} {value:.12g}" if isinstance(value, float) else f"{words} {value}"


def in_words(protocol: Protocol) -> str:
    """The rules of a protocol in a sentence."""
    shows = "one measured repeat, drawn for every evaluation,"
    if protocol.observe == "mean":
        shows = "the mean over the repeats"
    elif protocol.repeat is not None:
        shows = f"always repeat {protocol.repeat}"
    at = "at the asked budget"
    if protocol.trained_budget is not None:
        at = f"at budget {protocol.trained_budget:.12g} whatever was asked"
    elif len(protocol.budgets) == 1:
        at = f"at budget {protocol.budgets[0]:.12g}"
    data = f" of {protocol.search_data}" if protocol.search_data else ""
    charged = {
        "never": "its training is charged",
        "always": "its training and one pass over the validation set are charged",
        "measured": "its training and, where it was measured, one pass over the validation set are"
        " charged",
    }[protocol.charge_evaluation]
    incumbent = "at any budget"
    if protocol.incumbent == "largest":
        incumbent = "of those asked for at the largest budget"
    report = "the largest budget"
    if protocol.report_budget is not None:
        report = f"budget {protocol.report_budget:.12g}"
    judged = f"the mean error at {report}"
    if protocol.test == "repeat":
        judged = "the test error of that very repeat"
    parts = [
        f"{shows} {at}{data}; {charged}",
        f"the incumbent is the lowest error seen {incumbent} and is judged by {judged}",
    ]
    if protocol.crossing:
        parts.append("the evaluation that crosses a time limit counts")
    return "; ".join(parts)
