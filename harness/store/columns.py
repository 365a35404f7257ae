"""The columns that frames and exported files have, and what each means.

A column has one meaning wherever it stands: `MEANINGS` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_METHOD = {
    "table": "table that incumbents are judged on",
    "label": "label of the method",
    "optimizer": "name of its optimizer",
    "settings": "all settings of the optimizer, as JSON",
    "protocol": "name of the protocol",
    "seed": "seed of the suite",
    "time_limit": "simulated seconds that the search had; nothing for no such limit",
    "evaluation_limit": "evaluations that the search had; nothing for no such limit",
    "reconstruction": "which of the table's numbers are modelled; empty for measured tables",
}
_RUN = {
    "run": "number of the run, from 0",
    "elapsed": "simulated seconds when its last evaluation finished",
    "ended_early": "whether the optimizer had nothing more to propose before the limit",
}
_INCUMBENT = {
    "time": "simulated seconds: when it became the incumbent, or finished; of a curve, the moment",
    "evaluation": "valid evaluations finished by then, its own included",
    "cells_by_then": "different cells among these",
    "epochs_by_then": "budget trained by these, each from the start",
    "budget": "budget at which the incumbent was observed, or the evaluations were made",
    "cell": "row of the cell in the table",
    "architecture": "the cell, as the field writes it",
    "configuration": "the configuration that was proposed, as JSON",
    "validation_error": "validation error that the search observed",
    "mean_validation_error": "mean validation error, which no search sees",
    "test_error": "test error as the protocol reports it",
    "regret_observed": "validation_error less the lowest mean validation error of any cell",
    "regret_validation": "mean_validation_error less the lowest of any cell",
    "regret_test": "test_error less the lowest of any cell",
}
_EVALUATION = {
    "cost": "seconds that an evaluation was charged",
    "worker": "simulated worker that did it, from 0",
    "repeat": "repeat that was observed, from 0; -1 where it was not one repeat",
}
COUNTS: Mapping[str, str] = MappingProxyType(
    {
        "evaluations": "valid evaluations finished within the limit; with a budget, those at it",
        "proposals": "configurations proposed, invalid ones included",
        "unique_cells": "different cells among the evaluations",
        "epochs": "budget trained by all evaluations, each from the start",
        "search_seconds": "simulated seconds that the search spent itself, part of elapsed",
        "simulated_workers": "workers that evaluated side by side",
    }
)
"""Columns of ``final`` that count what a run did; each is an attribute of its result."""

MEANINGS: Mapping[str, str] = MappingProxyType(
    {**_METHOD, **_RUN, **_INCUMBENT, **_EVALUATION, **COUNTS}
)
"""Every column of any frame, and what it means."""

EVALUATION_TYPES: Mapping[str, type] = MappingProxyType(
    {
        "table": str,
        "label": str,
        "reconstruction": str,
        "run": int,
        "evaluation": int,
        "time": float,
        "cost": float,
        "worker": int,
        "budget": float,
        "repeat": int,
        "cell": int,
        "architecture": str,
        "configuration": str,
        "validation_error": float,
    }
)
"""Columns of ``evaluations``, and what is in them if anything is."""

FRAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "trajectory": (*_METHOD, *_RUN, *_INCUMBENT),
        "final": (*_METHOD, *_RUN, *COUNTS, *_INCUMBENT),
        "budgets": (*_METHOD, *_RUN, "budget", "evaluations"),
        "evaluations": tuple(EVALUATION_TYPES),
        "curves": (
            "table",
            "label",
            "reconstruction",
            "run",
            "time",
            "regret_observed",
            "regret_validation",
            "regret_test",
        ),
    }
)
"""Kind of frame → its columns, in their order.

``trajectory`` has a line an incumbent and ``final`` a line a run, with its last incumbent;
``budgets`` has a line a run and budget, also where there was no evaluation; ``evaluations`` has a
line an evaluation of runs that kept a trace, in the order in which they finished; ``curves`` has a
line a run and moment. In all but ``curves`` a run without an evaluation and a method without a run
have a line too, which ends where there is nothing to say; so has a run without a trace.
"""
