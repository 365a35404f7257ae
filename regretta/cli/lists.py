"""Commands that list what there is: optimizers, tables, suites, protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regretta.cli import completion
from regretta.cli.arguments import command, json_option, names_argument, plugin_option
from regretta.cli.output import print_json, tell

if TYPE_CHECKING:
    from regretta.harness.protocol import Protocol


@command("optimizers")
@names_argument(completion.optimizers)
@json_option
@plugin_option
def optimizers(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> int:
    """List the optimizers, or those named, and their settings.

    In Python: regretta.available and regretta.get_optimizer.
    """
    from dataclasses import asdict

    from regretta.optimizers.registry import available, get_optimizer, installed, plugin_optimizers

    packages = installed()
    files = {optimizer.name: path for path, optimizer in plugin_optimizers(plugins)}
    rows: list[dict[str, Any]] = []
    for name in _chosen("optimizer", names, [*available(), *files]):
        optimizer = get_optimizer(name, plugins)
        rows.append(
            {
                "name": name,
                "origin": (
                    "plugin" if name in files else "installed" if name in packages else "built in"
                ),
                "package": packages.get(name),
                "file": files.get(name),
                "summary": (optimizer.__doc__ or "").strip().partition("\n")[0],
                "uses_budgets": optimizer.uses_budgets,
                "parallel": optimizer.parallel,
                "reproducible": optimizer.reproducible,
                "settings": asdict(optimizer.make_settings()),
                "presets": {preset: dict(values) for preset, values in optimizer.presets.items()},
            }
        )
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        where = row["file"] or row["package"]
        tell(f"{row['name']}  ({row['origin']}{f', {where}' if where else ''})")
        tell(f"    {row['summary']}")
        for key, value in row["settings"].items():
            tell(f"    {key} = {value!r}")
        for preset, values in row["presets"].items():
            changes = ", ".join(f"{key} = {value!r}" for key, value in values.items())
            tell(f"    preset {preset}: {changes or 'the defaults'}")
    return 0


@command("tables")
@names_argument(completion.tables)
@json_option
def tables(names: tuple[str, ...], as_json: bool) -> int:
    """List the tables, or those named, where each came from and its licence.

    In Python: regretta.entries and regretta.open_table.
    """
    from regretta.cli.info import described
    from regretta.tabular_data.catalog import entries, ready
    from regretta.tabular_data.errors import UserError
    from regretta.tabular_data.table import Table

    rows = []
    known = {entry.name: entry for entry in entries()}
    for entry in (known[name] for name in _chosen("table", names, known)):
        row: dict[str, Any] = {"name": entry.name, "origin": entry.origin}
        try:
            row = described(Table.open(ready(entry))) | row
        except UserError as error:
            row["problem"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        tell(f"{row['name']}  ({row['origin']})")
        if "problem" in row:
            tell(f"    {row['problem']}")
            continue
        budgets = ", ".join(f"{b:.12g}" for b in row["budgets"])
        test = "test accuracy" if row["test_accuracy"] else "no test accuracy: validation regret"
        tell(
            f"    {row['cells']} cells of {row['space']}, budgets {budgets} {row['budget_unit']}, "
            f"{row['repeats']} repeats, {test}"
        )
        tell(f"    {row['source']}; licence {row['licence']}")
        if row["reconstruction"]:
            tell(f"    reconstruction: {row['reconstruction']}")
    return 0


@command("suites")
@names_argument(completion.suites)
@json_option
def suites(names: tuple[str, ...], as_json: bool) -> int:
    """List the built-in suites, or those named.

    In Python: regretta.built_in_suites and regretta.read_spec.
    """
    from regretta.experiments.catalog import built_in_suites
    from regretta.harness.protocols import get_protocol
    from regretta.harness.spec import read_spec

    rows: list[dict[str, Any]] = []
    known = built_in_suites()
    for name in _chosen("suite", names, known):
        path = known[name]
        spec = read_spec(path)
        limit = dict(spec.time_limit) if isinstance(spec.time_limit, dict) else spec.time_limit
        rows.append(
            {
                "name": name,
                "title": spec.title,
                "tables": list(spec.tables),
                "protocol": get_protocol(spec.protocol).name,
                "time_limit": limit,
                "evaluations": spec.evaluations,
                "runs": spec.runs,
                "own_runs": {e.label: e.runs for e in spec.optimizers if e.runs is not None},
                "optimizers": [entry.label for entry in spec.optimizers],
                "file": path,
            }
        )
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        tell(f"{row['name']}  {row['title']}")
        own = "".join(
            f", {runs} of each of {count}"
            for runs, count in Counter(row["own_runs"].values()).items()
        )
        tell(
            f"    {', '.join(row['optimizers'])}; {row['runs']} runs each{own} on"
            f" {', '.join(row['tables'])}"
        )
    return 0


@command("protocols")
@names_argument(completion.protocols)
@json_option
def protocols(names: tuple[str, ...], as_json: bool) -> int:
    """List the protocols, or those named; of a suite (.toml file or folder of results) its own.

    In Python: regretta.PROTOCOLS and regretta.get_protocol.
    """
    from dataclasses import asdict

    from regretta.harness.protocols import PROTOCOLS

    chosen = [*map(_protocol, names)] or [*PROTOCOLS.values()]
    if as_json:
        print_json(
            [
                {
                    **protocol.as_dict(),
                    "rules": asdict(protocol.rules),
                }
                for protocol in chosen
            ]
        )
        return 0
    for protocol in chosen:
        tell(protocol.name)
        tell(f"    {protocol.summary}")
        if protocol.source:
            tell(f"    {protocol.source}")
        for rule, sentence in asdict(protocol.rules).items():
            if sentence:
                tell(f"    {rule + ':':11} {sentence}")
    return 0


def _protocol(name: str) -> Protocol:
    """The protocol of a name, or that of a suite's file or folder."""
    from regretta.experiments.catalog import find_suite
    from regretta.harness.protocols import PROTOCOLS, get_protocol

    if name not in PROTOCOLS and Path(name).exists():
        return get_protocol(find_suite(name).protocol)
    return get_protocol(name)


def _chosen(kind: str, names: tuple[str, ...], known: Iterable[str]) -> list[str]:
    """All known names, or those that are asked for."""
    from regretta.tabular_data.errors import UserError
    from regretta.tabular_data.names import unknown

    every = list(known)
    for name in names:
        if name not in every:
            raise UserError(unknown(kind, name, every))
    return list(names) or every
