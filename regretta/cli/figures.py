"""The command ``regretta figures``: the figures of the papers from what is at hand."""

from __future__ import annotations

from pathlib import Path

import click

from regretta.cli import completion
from regretta.cli.arguments import PATH, command, json_option
from regretta.cli.output import print_json, say_damaged, tell
from regretta.tabular_data.errors import UserError


@command("figures")
@click.argument(
    "paper",
    metavar="PAPER",
    shell_complete=completion.offering(lambda _: ("nasbench101", "nasbench201")),
)
@click.option(
    "--table",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=completion.tables,
    help="This table instead of all (again for several).",
)
@click.option(
    "--suite",
    "folders",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help=("A folder that `regretta run` made, for the figures of searches (again for several)."),
)
@click.option(
    "--out", metavar="DIR2", type=PATH, help="Where to write (default: results/figures/PAPER)."
)
@json_option
def figures(
    paper: str,
    names: tuple[str, ...],
    folders: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Draw a paper's figures from the tables and suites at hand.

    PAPER is nasbench101 or nasbench201. In Python: regretta.draw_figures of
    regretta.tables_at_hand.
    """
    from dataclasses import asdict

    from regretta.experiments.paper_tables import how_to_get, tables_at_hand
    from regretta.harness.store.results import load_suite
    from regretta.plots.paper import draw_figures, heading
    from regretta.tabular_data.catalog import open_table

    get = how_to_get(paper)
    suites = [load_suite(folder) for folder in folders]
    tables = [open_table(name) for name in names] or tables_at_hand(paper)
    if not tables and not suites:
        raise UserError(f"there is no table of {paper}; get one ({get}) or pass --table or --suite")
    folder = out or Path("results") / "figures" / paper
    outcomes = draw_figures(paper, tables, folder, suites)
    if as_json:
        print_json(
            {
                "figures": [
                    {**asdict(one), "file": folder / one.file if one.file else None}
                    for one in outcomes
                ],
                "page": folder / "figures.md",
                "damaged": [line for suite in suites for line in suite.damaged],
            }
        )
    else:
        for outcome in outcomes:
            said = str(folder / outcome.file) if outcome.file else f"not drawn: {outcome.reason}"
            table = f", {outcome.table}" if outcome.table else ""
            tell(f"{heading(outcome.figure)}{table}: {said}")
        tell(str(folder / "figures.md"))
    return say_damaged(line for suite in suites for line in suite.damaged)
