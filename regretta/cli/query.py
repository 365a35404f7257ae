"""The command ``regretta table query``: what a table has of one architecture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regretta.cli import completion
from regretta.cli.arguments import command, json_option
from regretta.cli.output import print_json, tell
from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    from regretta.tabular_data.answer import Answer, Measured, Rank

_LARGEST = 1 << 20


@command("query")
@click.argument("table", metavar="TABLE", shell_complete=completion.tables)
@click.argument("architecture", metavar="ARCHITECTURE")
@click.option("--budget", metavar="B", type=float, help="One of the budgets (default: all).")
@click.option("--repeat", metavar="K", type=int, help="One repeat, from 0 on (default: all).")
@json_option
def query(
    table: str, architecture: str, budget: float | None, repeat: int | None, as_json: bool
) -> int:
    """Show what a table has of one architecture.

    TABLE is a table's name or folder. ARCHITECTURE is an architecture string, a module hash, a
    matrix with operations or a mapping of parameters as JSON, the name of a .json file that holds
    one, or a name with its kind in front: 'index 5', 'row 5', 'hash …', 'naslib 4,3,3,0,0,0'. In
    Python: regretta.Table.query.
    """
    from regretta.tabular_data.catalog import open_table

    given = _from_file(Path(architecture)) if architecture.endswith(".json") else architecture
    answer = open_table(table).query(given, budget, repeat)
    if as_json:
        print_json(answer.as_dict())
    else:
        for line in _lines(answer):
            tell(line)
    return 0


def _from_file(path: Path) -> Any:
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8") from None
    if len(text) > _LARGEST:
        raise UserError(f"{path} is too large for one architecture: more than {_LARGEST} bytes")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error!s:.120})") from None
    if value is None:
        raise UserError(f"{path} holds no architecture")
    return value


def _lines(answer: Answer) -> list[str]:
    table = answer.table
    dataset = f" ({table.dataset})" if table.dataset else ""
    lines = [f"table: {table.name}{dataset}, {table.space.name}"]
    if answer.reconstruction:
        lines.append(f"reconstruction: {answer.reconstruction}")
    lines.append(f"row: {answer.row}")
    if answer.official_name is not None:
        lines.append(f"{table.space.official}: {answer.official_name}")
    lines.append(f"architecture: {answer.architecture}")
    if answer.words != answer.architecture:
        lines.append(f"in words: {answer.words}")
    for training in answer.trainings:
        lines.append(f"{training.budget:.12g} {table.budget_unit}:")
        for name, measured, rank in (
            ("validation", training.validation, training.validation_rank),
            ("test", training.test, training.test_rank),
            ("train", training.train, None),
        ):
            if measured is not None:
                lines.append(f"    {name} {table.metric.name}: {_shown(measured, '.6f', rank)}")
        lines.append(f"    training seconds: {_shown(training.seconds, '.6g')}")
    for name, value in (
        ("parameters", answer.parameters),
        ("FLOPs", answer.flops),
        ("latency in seconds", answer.latency_seconds),
        ("evaluation in seconds", answer.evaluation_seconds),
    ):
        if value is not None:
            lines.append(f"{name}: {value:.12g}" if value == int(value) else f"{name}: {value:.6g}")
    return [*lines, f"source: {table.provenance.source}; licence {table.provenance.licence}"]


def _shown(measured: Measured, form: str, rank: Rank | None = None) -> str:
    """The mean, its deviation, the repeats, and the rank of the mean over all repeats."""
    parts = [format(measured.mean, form)]
    if measured.sd == measured.sd:
        parts.append(f"sd {measured.sd:{form}}")
    if len(measured.values) > 1:
        each = ", ".join("-" if v != v else format(v, form) for v in measured.values)
        parts.append(f"repeats {each}")
    if not measured.values:
        parts.append("published as a mean only")
    if rank is not None:
        parts.append(f"rank {rank.place} of {rank.of}")
    return "; ".join(parts)
