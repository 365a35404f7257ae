"""What each command does. Every function here prints what the Python call of its docstring returns."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from regretta.cli.figure_commands import figures as figures
from regretta.cli.table_commands import described
from regretta.cli.table_commands import table_build as table_build
from regretta.cli.table_commands import table_cut as table_cut
from regretta.cli.table_commands import table_import as table_import
from regretta.cli.table_commands import table_info as table_info
from regretta.cli.table_commands import table_verify as table_verify
from regretta.experiments.catalog import built_in_suites, find_suite
from regretta.harness.executors import Dask, JobQueue, run_suite
from regretta.harness.protocol import PROTOCOLS
from regretta.harness.spec import SuiteSpec, read_spec
from regretta.harness.store.export import export_suite
from regretta.harness.store.files import compact as compact_suite
from regretta.harness.store.folder import load_suite
from regretta.harness.store.status import suite_status
from regretta.optimizers.registry import available, get_optimizer, load_plugin
from regretta.tabular_data.catalog import entries, find_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.table import Table


def run(options: argparse.Namespace) -> int:
    """``regretta run``: `regretta.run_suite`, then `regretta.write_report`."""
    plugins = tuple(path.resolve() for path in options.plugin)
    spec = find_suite(options.suite).changed(
        runs=options.runs,
        optimizers=options.optimizer,
        table=options.table,
        time_limit=options.time_limit,
        seed=options.seed,
        simulated_workers=options.simulated_workers,
        plugins=plugins,
        plugin_optimizers=[cls.name for path in plugins for cls in load_plugin(path)],
    )
    folder = options.out or Path("results") / spec.name
    workers = len(os.sched_getaffinity(0)) if options.workers is None else options.workers
    started = time.monotonic()
    with tqdm(desc=spec.name, unit="run", disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            if bar.total is None:
                bar.reset(total)
                bar.initial = done
            bar.update(done - bar.n)

        outcome = run_suite(
            spec,
            folder,
            workers=workers,
            progress=progress,
            executor=_cluster(options, spec),
            only_failed=options.only_failed,
            announce=lambda line: tqdm.write(f"regretta: {line}", file=sys.stderr),
        )
    for line in outcome.set_aside:
        print(f"regretta: {line}", file=sys.stderr)
    print(
        f"{outcome.done} runs in {folder}, {outcome.new} of them new"
        f" ({time.monotonic() - started:.1f} s)"
    )
    for note in outcome.notes:
        print(f"note: {note}")
    for failure in outcome.failures:
        print(f"regretta: failed: {failure.message}", file=sys.stderr)
    if outcome.done and not options.no_report:
        _report(folder)
    if outcome.failures:
        print(
            f"regretta: {len(outcome.failures)} runs failed; the same command tries them again",
            file=sys.stderr,
        )
        return 1
    return 0


def _cluster(options: argparse.Namespace, spec: SuiteSpec) -> Dask | JobQueue | None:
    if options.scheduler:
        return Dask(options.scheduler)
    return JobQueue(options.cluster, spec.cluster) if options.cluster else None


def status(options: argparse.Namespace) -> int:
    """``regretta status``: `regretta.harness.store.status.suite_status`."""
    found = suite_status(options.folder)
    if options.json:
        return _print_json(
            {
                **asdict(found),
                "folder": str(found.folder),
                "done": found.done,
                "planned": found.planned,
            }
        )
    state = {True: "running", False: "not running", None: "perhaps running"}[found.running]
    left = (
        "" if found.seconds_left is None else f", about {found.seconds_left / 60:.1f} minutes left"
    )
    print(f"{found.name}: {found.done} of {found.planned} runs done, {state}{left}")
    width = max(len(f"{row.table} {row.label}") for row in found.rows)
    print(f"{'':{width}}    done  failed  damaged  missing")
    for row in found.rows:
        print(
            f"{row.table + ' ' + row.label:{width}} {row.done:7} {row.failed:7} {row.damaged:8}"
            f" {row.missing:8}"
        )
    for line in found.damaged:
        print(f"regretta: {line}", file=sys.stderr)
    return 2 if found.damaged else 0


def compact(options: argparse.Namespace) -> int:
    """``regretta compact``: `regretta.harness.store.files.compact`."""
    done = compact_suite(options.folder)
    print(
        f"{done.runs} runs of {options.folder} are in {done.files_after} files now; there were"
        f" {done.files_before}"
    )
    for line in done.skipped:
        print(f"regretta: {line}", file=sys.stderr)
    return 2 if done.skipped else 0


def report(options: argparse.Namespace) -> int:
    """``regretta report``: `regretta.write_report` of `regretta.load_suite`."""
    return _report(options.folder)


def _report(folder: Path) -> int:
    from regretta.plots.report import write_report

    suite = load_suite(folder)
    print(write_report(suite))
    for line in suite.damaged:
        print(f"regretta: {line}", file=sys.stderr)
    return 2 if suite.damaged else 0


def export(options: argparse.Namespace) -> int:
    """``regretta export``: `regretta.export_suite` of `regretta.load_suite`."""
    suite = load_suite(options.folder)
    written = export_suite(suite, options.out, options.form)
    print(f"{len(written)} files in {options.out}")
    for line in suite.damaged:
        print(f"regretta: {line}", file=sys.stderr)
    return 2 if suite.damaged else 0


def optimizers(options: argparse.Namespace) -> int:
    """``regretta optimizers``: `regretta.available` and `regretta.get_optimizer`."""
    origins = available()
    for path in options.plugin:
        origins |= {cls.name: str(path) for cls in load_plugin(path)}
    plugins = tuple(options.plugin)
    rows: list[dict[str, Any]] = []
    for name, origin in origins.items():
        optimizer = get_optimizer(name, plugins)
        rows.append(
            {
                "name": name,
                "origin": origin,
                "summary": (optimizer.__doc__ or "").strip().partition("\n")[0],
                "uses_budgets": optimizer.uses_budgets,
                "parallel": optimizer.parallel,
                "reproducible": optimizer.reproducible,
                "settings": asdict(optimizer.make_settings()),
                "presets": {preset: dict(values) for preset, values in optimizer.presets.items()},
            }
        )
    if options.json:
        return _print_json(rows)
    for row in rows:
        print(f"{row['name']}  ({row['origin']})\n    {row['summary']}")
        for key, value in row["settings"].items():
            print(f"    {key} = {value!r}")
        for preset, values in row["presets"].items():
            changes = (
                ", ".join(f"{key} = {value!r}" for key, value in values.items()) or "the defaults"
            )
            print(f"    preset {preset}: {changes}")
    return 0


def tables(options: argparse.Namespace) -> int:
    """``regretta tables``: `regretta.entries` and `regretta.open_table`."""
    rows = []
    for entry in entries():
        row: dict[str, Any] = {"name": entry.name, "origin": entry.origin}
        try:
            row = described(Table.open(find_table(entry.name))) | row
        except UserError as error:
            row["problem"] = str(error)
        rows.append(row)
    if options.json:
        return _print_json(rows)
    for row in rows:
        print(f"{row['name']}  ({row['origin']})")
        if "problem" in row:
            print(f"    {row['problem']}")
            continue
        budgets = ", ".join(f"{b:g}" for b in row["budgets"])
        test = "test accuracy" if row["test_accuracy"] else "no test accuracy: validation regret"
        print(
            f"    {row['cells']} cells of {row['space']}, budgets {budgets} {row['budget_unit']}, "
            f"{row['repeats']} repeats, {test}"
        )
        print(f"    {row['source']}; licence {row['licence']}")
        if row["reconstruction"]:
            print(f"    reconstruction: {row['reconstruction']}")
    return 0


def suites(options: argparse.Namespace) -> int:
    """``regretta suites``: `regretta.built_in_suites` and `regretta.read_spec`."""
    rows: list[dict[str, Any]] = []
    for name, path in built_in_suites().items():
        spec = read_spec(path)
        limit = dict(spec.time_limit) if isinstance(spec.time_limit, dict) else spec.time_limit
        rows.append(
            {
                "name": name,
                "title": spec.title,
                "tables": list(spec.tables),
                "protocol": spec.protocol,
                "time_limit": limit,
                "runs": spec.runs,
                "optimizers": [entry.label for entry in spec.optimizers],
                "file": str(path),
            }
        )
    if options.json:
        return _print_json(rows)
    for row in rows:
        print(f"{row['name']}  {row['title']}")
        print(
            f"    {', '.join(row['optimizers'])}; {row['runs']} runs each on"
            f" {', '.join(row['tables'])}"
        )
    return 0


def protocols(options: argparse.Namespace) -> int:
    """``regretta protocols``: `regretta.PROTOCOLS`."""
    if options.json:
        return _print_json([protocol.as_dict() for protocol in PROTOCOLS.values()])
    for protocol in PROTOCOLS.values():
        print(f"{protocol.name}\n    {protocol.summary}")
        if protocol.source:
            print(f"    {protocol.source}")
    return 0


def _print_json(rows: Sequence[Any] | dict[str, Any]) -> int:
    print(json.dumps(rows, indent=1, ensure_ascii=False))
    return 0
