"""Regenerates docs/gallery.md: the papers' figures, drawn from the published tables at full scale
and from searches.

``python experiments/pages/gallery.py [--tables DIR] [--searches DIR] [--as-is]`` takes the tables
that ``benchmarks/full_scale_tables.py`` writes into DIR, and those it lacks it makes first, of
``../shared/tables``; without ``--tables`` they are made anew. With ``--searches`` the runs of
`STUDIES` that DIR does not have yet are done, some core-hours in all, a folder a suite; with
``--as-is`` too what is there is drawn and nothing is run. Without ``--searches`` figures of
searches are not drawn. NAS-Bench-101's table is partly modelled and its pictures say so.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory

from joblib import cpu_count
from PIL import Image

from regretta.experiments.catalog import find_suite
from regretta.harness.campaign import run_suite
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots.paper import PAPERS, draw_figures
from regretta.tabular_data.catalog import entries, open_table
from regretta.tabular_data.cutting import at_most_vertices
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

ROOT = Path(__file__).resolve().parents[2]
FULL = ("nasbench101", "nats-cifar10", "nats-cifar100", "nats-imagenet16-120")
SMALLER = "nasbench101-6"
FURTHER = ("digits101", "digits201", "nashpo-protein")
"""Tables of the catalogue that are drawn too where it has them."""

QUICK = ("random_search", "regularized_evolution", "reinforce", "hyperband")
STUDIES: tuple[tuple[str, tuple[str, ...], int | None], ...] = (
    ("nasbench101-paper", QUICK, 500),
    ("nasbench101-generalization", (), 100),
    ("nasbench101-reinforce", (), 100),
    ("sensitivity-evolution", (), 100),
    ("sensitivity-reinforce", (), 100),
    ("nasbench201-table5", (), 500),
    ("nasbench201-reinforce", (), 500),
    ("nas-hpo-bench", (), 50),
    ("nasbench101-paper", ("bohb", "tpe", "smac"), 100),
    ("sensitivity-bohb", (), 50),
    ("nasbench101-encoding-c", (), 50),
    ("sensitivity-smac", (), 50),
    ("digits201-table5", (), None),
)
"""Built-in suite, optimizers (all where empty) and runs (None: the suite's own); slow ones last.

Those without a model are half a core-hour, NAS-HPO-Bench as much, figure 7's three with a model two
to three core-hours, the rest about ten.
"""

FEWEST = {
    "nasbench101-paper": 100,
    "sensitivity-smac": 50,
    "sensitivity-bohb": 50,
    "nasbench101-encoding-c": 50,
    "digits201-table5": 3,
}
"""Runs that a method must have to be drawn; 30 in other suites: a mean of fewer is noise. Three of
a supernet are the paper's."""

COLORS = 160
"""Colours of a picture in the docs: enough for every figure, at a third of the bytes."""

INTRODUCTION = """# Gallery

Every figure of the two papers that this repository's data allow, drawn by
`regretta figures nasbench101` and `regretta figures nasbench201`, with the published values beside
ours. This page is made by `make gallery`. Numbers of a table that is partly modelled are marked
"reconstruction" in the picture: of NAS-Bench-101 the cells, their parameters and the mean test
accuracy after 108 epochs are real, and most of the rest is not. Each figure of searches says how
many runs it has and how long they are, and where that is less than in the paper. Of figure 7 no
method is drawn that has fewer than 100 runs, of S2, S3 and S6 none with fewer than 50, of the
others none with fewer than 30; figures whose searches have not been run are listed as not drawn.
"""


def search(tables: Path, folder: Path) -> None:
    """Do the studies' runs that are not there yet."""
    for name, optimizers, runs in STUDIES:
        spec = find_suite(name).changed(runs=runs, optimizers=optimizers)
        paths = [
            str(tables / table) if (tables / table / "table.json").exists() else table
            for table in spec.tables
        ]
        count = "its" if runs is None else str(runs)
        print(f"{name}: {', '.join(optimizers) or 'all its optimizers'}, {count} runs", flush=True)
        run_suite(
            replace(spec, tables=tuple(paths)),
            folder / name,
            workers=cpu_count(),
            announce=lambda line: print(line, flush=True),
        )


def searches(folder: Path) -> list[SuiteResults]:
    """The studies that are there, without the methods that have too few runs to be drawn."""
    found = []
    for name in dict.fromkeys(name for name, *_ in STUDIES):
        if (folder / name / "suite.json").exists():
            suite = load_suite(folder / name)
            fewest = FEWEST.get(name, 30)
            runs = {
                table: {label: few if len(few) >= fewest else () for label, few in group.items()}
                for table, group in suite.runs.items()
            }
            if any(any(group.values()) for group in runs.values()):
                found.append(replace(suite, runs=runs))
    return found


def complete(tables: Path) -> None:
    """Make the tables that are missing."""
    if not all((tables / name / "table.json").exists() for name in FULL):
        script = run_path(str(ROOT / "benchmarks" / "full_scale_tables.py"))
        script["write_all"](ROOT.parent / "shared" / "tables", tables)
    if not (tables / SMALLER / "table.json").exists():
        at_most_vertices(Table.open(tables / "nasbench101"), 6, SMALLER).write(tables / SMALLER)


def gallery(tables: Path, results: list[SuiteResults], docs: Path) -> None:
    """Draw everything, and put the pages and small copies of the pictures into the docs."""
    opened = [Table.open(tables / name) for name in FULL]
    opened += [open_table(entry.name) for entry in entries() if entry.name in FURTHER]
    for old in (docs / "figures").glob("gallery-*.png"):
        old.unlink()
    parts = [INTRODUCTION.strip()]
    with TemporaryDirectory() as scratch:
        for paper in ("nasbench101", "nasbench201"):
            folder = Path(scratch) / paper
            theirs = [
                table for table in opened if table.space.name.startswith(PAPERS[paper].spaces)
            ]
            outcomes = draw_figures(paper, theirs, folder, results)
            for outcome in outcomes:
                if outcome.file.endswith(".png"):
                    _shrink(
                        folder / outcome.file, docs / "figures" / f"gallery-{paper}-{outcome.file}"
                    )
            page = (folder / "figures.md").read_text(encoding="utf-8")
            page = re.sub(r"^#", "##", page, flags=re.MULTILINE)
            page = re.sub(
                r"\[(!\[[^]]*\]\()([^)]*)\)\]\([^)]*\)", rf"\1figures/gallery-{paper}-\2)", page
            )
            page = re.sub(r"As a file: .*\n\n", "", page)
            # Why the other studies are not the one is of interest only to who gives one.
            page = re.sub(r" and pass --suite DIR.*", "", page)
            parts.append(page.strip())
    write_atomically(docs / "gallery.md", ("\n\n".join(parts) + "\n").encode())


def _shrink(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        small = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    small.save(target, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, help="folder of the tables at full scale; kept")
    parser.add_argument(
        "--searches", type=Path, help="folder of the studies' suites; kept, and gone on with"
    )
    parser.add_argument(
        "--as-is", action="store_true", help="draw the searches that are there, and do none"
    )
    parser.add_argument(
        "--docs", type=Path, default=ROOT / "docs", help="where to write (default: docs)"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as made:
        place = options.tables or Path(made)
        complete(place)
        if options.searches and not options.as_is:
            search(place, options.searches)
        gallery(place, searches(options.searches) if options.searches else [], options.docs)
