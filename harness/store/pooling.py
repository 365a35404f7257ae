"""Folders of one suite that was run under several seeds, as one for a report.

Such folders are not merged: both have a run 0, and a suite is gone on with under one seed. For a
report that does not matter. A run draws from an address that the seed is part of, so that runs of
two seeds are as independent of one another as two of one seed, and no statistic pairs runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from regretta.harness.identity import ContradictionError, SuiteError, SuiteIdentity
from regretta.harness.store.results import SuiteResults
from regretta.harness.store.sources import SeedFolder


def pool_seeds(suites: Sequence[SuiteResults]) -> SuiteResults:
    """The runs of one suite under several seeds, for a report.

    Runs keep their seed and number. Frames, exports and traces are of one folder: take each one's.

    Parameters
    ----------
    suites
        From `load_suite`, each under a seed of its own; of one alone, it is what comes back.

    Raises
    ------
    SuiteError
        If two have the same seed, or differ in anything else that decides results, in their tables
        or in their methods.
    """
    first = suites[0]
    if len(suites) == 1:
        return first
    whole = first.identity
    folders: dict[int, SuiteResults] = {}
    for suite in suites:
        before = folders.setdefault(suite.identity.seed, suite)
        if before is not suite:
            raise SuiteError(
                f"{before.folder} and {suite.folder} both have seed {suite.identity.seed}: put"
                " their runs into one folder with regretta merge, and report that"
            )
        whole = _joined(first, whole, suite)
    return replace(
        first,
        identity=_asking_for_all(whole, suites),
        runs={
            table: {
                label: tuple(run for suite in suites for run in suite.runs[table][label])
                for label in first.labels
            }
            for table in first.tables
        },
        failures=tuple(
            replace(failure, message=f"seed {suite.identity.seed}: {failure.message}")
            for suite in suites
            for failure in suite.failures
        ),
        damaged=tuple(line for suite in suites for line in suite.damaged),
        sources=(),
        seeds=tuple(
            SeedFolder(seed, str(suite.folder), suite.sources) for seed, suite in folders.items()
        ),
    )


def _joined(first: SuiteResults, whole: SuiteIdentity, suite: SuiteResults) -> SuiteIdentity:
    """The identity of those before and of another one, whose seed may differ."""
    for what, here, there in (
        ("tables", first.tables, suite.tables),
        ("methods", first.labels, suite.labels),
    ):
        if strange := sorted(set(here) ^ set(there)):
            raise SuiteError(
                f"{first.folder} and {suite.folder} do not have the same {what}: {strange[0]!r} is"
                " in one of them only; run it in the other too, or report each by itself"
            )
    other = replace(suite.identity, name=whole.name, seed=whole.seed)
    try:
        return whole.joined(other)
    except ContradictionError as found:
        said = found.between(str(first.folder), str(suite.folder)).partition("; ")[0]
        raise SuiteError(f"{said}; runs of one label are repetitions of one another") from None


def _asking_for_all(whole: SuiteIdentity, suites: Sequence[SuiteResults]) -> SuiteIdentity:
    """The identity that plans as many runs as all suites together."""
    runs = sum(suite.identity.runs for suite in suites)
    planned = {label: sum(suite.planned(label) for suite in suites) for label in whole.methods}
    methods = {
        label: replace(method, runs=None if planned[label] == runs else planned[label])
        for label, method in whole.methods.items()
    }
    return replace(whole, runs=runs, methods=methods)
