"""Regenerates docs/gallery.md: the papers' figures, drawn from the published tables at full scale.

``python benchmarks/gallery.py [--tables DIR] [--suite DIR]`` takes the folders ``nasbench101`` and ``nats-*`` that
``benchmarks/full_scale_tables.py`` writes into DIR; without ``--tables`` it makes them first, of ``../shared/tables``.
``digits101`` is drawn too where the catalogue has it. NAS-Bench-101's table is partly modelled and its pictures say so.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory

from PIL import Image

from harness.suite import load_suite
from plots.paper import draw_figures
from tabular_data.catalog import entries, open_table
from tabular_data.storage import write_atomically
from tabular_data.table import Table

ROOT = Path(__file__).parents[1]
FULL = ("nasbench101", "nats-cifar10", "nats-cifar100", "nats-imagenet16-120")
COLORS = 160
"""Colours of a picture in the docs: enough for every figure, at a third of the bytes."""

INTRODUCTION = """# Gallery

Every figure of the two papers that this repository's data allow, drawn by `regretta figures nasbench101` and
`regretta figures nasbench201`, with the published values beside ours. This page is made by
`python benchmarks/gallery.py`. Numbers of a table that is partly modelled are marked "reconstruction" in the picture:
of NAS-Bench-101 the cells, their parameters and the mean test accuracy after 108 epochs are real, and the rest is not.
"""


def gallery(tables: Path, suites: list[Path], docs: Path) -> None:
    """Draw everything, and put the pages and small copies of the pictures into the docs."""
    opened = [Table.open(tables / name) for name in FULL if (tables / name / "table.json").exists()]
    opened += [open_table(entry.name) for entry in entries() if entry.name == "digits101"]
    results = [load_suite(folder) for folder in suites]
    for old in (docs / "figures").glob("gallery-*.png"):
        old.unlink()
    parts = [INTRODUCTION.strip()]
    with TemporaryDirectory() as scratch:
        for paper in ("nasbench101", "nasbench201"):
            folder = Path(scratch) / paper
            theirs = [table for table in opened if table.space.name.startswith(paper)]
            outcomes = draw_figures(paper, theirs, folder, results)
            for outcome in outcomes:
                if outcome.file.endswith(".png"):
                    _shrink(folder / outcome.file, docs / "figures" / f"gallery-{paper}-{outcome.file}")
            page = (folder / "figures.md").read_text(encoding="utf-8")
            page = re.sub(r"^#", "##", page, flags=re.MULTILINE)
            page = re.sub(r"\[(!\[[^]]*\]\()([^)]*)\)\]\([^)]*\)", rf"\1figures/gallery-{paper}-\2)", page)
            parts.append(re.sub(r"As a file: .*\n\n", "", page).strip())
    write_atomically(docs / "gallery.md", ("\n\n".join(parts) + "\n").encode())


def _shrink(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        small = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    small.save(target, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, help="folder of tables that full_scale_tables.py made")
    parser.add_argument("--suite", type=Path, action="append", default=[], help="a suite's folder, for searches")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write (default: docs)")
    options = parser.parse_args()
    if options.tables:
        gallery(options.tables, options.suite, options.docs)
    else:
        with TemporaryDirectory() as made:
            script = run_path(str(ROOT / "benchmarks" / "full_scale_tables.py"))
            script["write_all"](ROOT.parent / "shared" / "tables", Path(made))
            gallery(Path(made), options.suite, options.docs)
