"""Finding and checking every part of a suite, before its first run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from regretta.harness.identity import MethodIdentity, SuiteError
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.search import check_benchmark, check_workers
from regretta.harness.spec import SpecError, SuiteSpec
from regretta.harness.suite import PlannedMethod, PlannedTable, Suite, place_of
from regretta.optimizers.base import Optimizer, SettingsError
from regretta.optimizers.registry import get_optimizer, plugin_benchmarks
from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.catalog import find_table, open_table, sibling
from regretta.tabular_data.names import refuse_twins
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table


def open_tables(
    name: str, protocol: Protocol, encoding: str = "", search_table: str = ""
) -> tuple[Table, Table]:
    """The table of a name or folder, to be judged on, and the one to be searched; mostly the same.

    Parameters
    ----------
    encoding
        Of the search space; empty for the table's own.
    search_table
        The one to be searched; empty for what the protocol says.

    Raises
    ------
    TableError, SourceError, SpaceError
        If there is no such table, or it has no such encoding.
    """
    table = open_table(name, encoding or None)
    counting = protocol.counting if isinstance(table.space, NasBench101) else None
    table = open_table(name, encoding or None, counting)
    folder = find_table(name)
    searched = folder
    if search_table:
        searched = find_table(search_table)
    elif protocol.search_data not in ("", table.dataset):
        searched = sibling(folder, protocol.search_data)
    if searched == folder:
        return table, table
    return table, open_table(searched, encoding or None, counting)


def plan(spec: SuiteSpec) -> Suite:
    """Find and check every part of a suite, before the first run.

    Raises
    ------
    SuiteError, ProtocolError, TableError, SourceError, SpaceError, PluginError, SettingsError,
    WorkersError
        At the first table, protocol, optimizer or setting that is unknown or does not fit.
    """
    protocol = get_protocol(spec.protocol)
    formulas = plugin_benchmarks(spec.plugins)
    tables: dict[str, PlannedTable] = {}
    for name in spec.tables:
        table: Benchmark
        search_table: Benchmark
        if name in formulas:
            table = search_table = formulas[name]
        else:
            table, search_table = open_tables(name, protocol, spec.encoding, spec.search_table)
        planned = planned_table(
            protocol,
            table,
            search_table,
            spec.limit_for(name),
            spec.evaluations,
            f"suite {spec.name!r} has no time limit for table {table.name!r}; set time_limit or"
            " evaluations, or give --time-limit or --evaluations",
        )
        if table.name in tables:
            raise SuiteError(f"suite {spec.name!r} has two tables named {table.name!r}")
        refuse_twins(f"suite {spec.name!r}: tables", [*tables, table.name], SuiteError)
        place = place_of(name) if "/" in name else ""
        tables[table.name] = replace(planned, place=place)
    for stray in spec.stray_limits():
        raise SpecError(
            f"suite {spec.name!r} has a time limit for {stray!r}, which is not one of its tables"
        )
    methods = {}
    for entry in spec.optimizers:
        files = spec.plugins if entry.plugin is None else (entry.plugin,)
        optimizer = get_optimizer(entry.name, files)
        settings = optimizer.make_settings(entry.preset or None, entry.settings)
        check_method(
            protocol, tables.values(), entry.label, optimizer, settings, spec.simulated_workers
        )
        identity = replace(MethodIdentity.of(optimizer, settings), runs=entry.runs)
        runs = spec.runs if entry.runs is None else entry.runs
        methods[entry.label] = PlannedMethod(entry.label, optimizer, settings, identity, runs)
    return Suite(spec, protocol, tables, methods)


def planned_table(
    protocol: Protocol,
    table: Benchmark,
    search_table: Benchmark,
    limit: float | None,
    evaluations: int | None,
    no_limit: str,
) -> PlannedTable:
    """A table to be judged on and the one to be searched, checked against the protocol.

    Parameters
    ----------
    limit, evaluations
        Simulated seconds and evaluations; where both are None, the protocol's own seconds.
    no_limit
        What to say where there is no limit at all.

    Raises
    ------
    ProtocolError, SuiteError, TableError
    """
    protocol.check(table, search_table)
    for each in {id(table): table, id(search_table): search_table}.values():
        each.verify()
    if limit is None and evaluations is None:
        limit = protocol.time_limit(table)
        if limit is None:
            raise SuiteError(no_limit)
    seconds = None if limit is None else float(limit)
    return PlannedTable(table, search_table, seconds, evaluations, "")


def check_method(
    protocol: Protocol,
    tables: Iterable[PlannedTable],
    label: str,
    optimizer: type[Optimizer],
    settings: Any,
    simulated_workers: int,
) -> None:
    """Refuse an optimizer with settings that cannot search these tables, or cannot be kept.

    Raises
    ------
    WorkersError, SettingsError, SuiteError
    """
    check_workers(optimizer, simulated_workers)
    try:
        json.dumps(asdict(settings), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"settings of {label!r} cannot be written as JSON: {error}") from error
    for planned in tables:
        _refuse_short_limit(planned, protocol, label, optimizer)
        check_benchmark(optimizer, settings, label, planned.search_table)


def _refuse_short_limit(
    planned: PlannedTable, protocol: Protocol, label: str, optimizer: type[Optimizer]
) -> None:
    """Refuse a time limit within which an optimizer cannot finish a single evaluation."""
    searched = planned.search_table
    if not isinstance(searched, Table) or protocol.crossing or planned.time_limit is None:
        return
    offered = protocol.offered_budgets(searched)
    asked = offered[0] if optimizer.uses_budgets else offered[-1]
    level = searched.budget_index(
        asked if protocol.trained_budget is None else protocol.trained_budget
    )
    seconds = np.asarray(searched.columns["training_seconds"][:, level], dtype=np.float64)
    there = ~np.isnan(seconds).all(axis=1)
    seconds = (np.nanmean if protocol.rule().mean else np.nanmin)(seconds[there], axis=1)
    if protocol.rule().evaluation and "evaluation_seconds" in searched.columns:
        seconds = seconds + searched.columns["evaluation_seconds"][there]
    cheapest = float(seconds.min(initial=np.inf))
    if np.isfinite(cheapest) and cheapest > planned.time_limit:
        raise SuiteError(
            f"a time limit of {planned.time_limit:.10g} s on table {planned.table.name!r} is too"
            f" short for a single evaluation of {label!r}: the cheapest takes {cheapest:.10g} s at"
            f" budget {asked:.10g} {searched.budget_unit}; set a longer --time-limit"
        )
