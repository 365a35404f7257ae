"""Days of three people who follow the pages word by word and read no source.

The sceptic's, who queries ten architectures of published code and finds the numbers, is
``tests/tabular_data/test_query_page.py``.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from regretta.harness.store.results import load_suite
from regretta.plots.look import VENUES
from tests.test_readme import block, command_lines


def follow(line: str, where: Path, *fewer: str) -> str:
    """Type a command of the pages in a folder, with less work where options say so."""
    words = shlex.split(line, comments=True)
    assert words[0] == "regretta"
    done = subprocess.run(
        [sys.executable, "-m", *words, *fewer],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(start: str) -> str:
    """The first command of the pages that begins with a text."""
    return next(line for line in command_lines() if line.startswith(start))


def test_a_student_compares_a_predictor_of_their_own_with_the_readme_alone(tmp_path: Path) -> None:
    (tmp_path / "predictor.py").write_text(block("# predictor.py"), encoding="utf-8")
    line = shown("regretta run --plugin annealing.py --against").replace("annealing", "predictor")
    follow(line, tmp_path, "--runs", "3", "--time-limit", "40")
    suite = load_suite(tmp_path / "results" / "predictor")
    assert set(suite.labels) == {"predictor", "random_search", "regularized_evolution"}
    assert not suite.failures
    assert {len(runs) for runs in suite.runs["digits101"].values()} == {3}
    page = (tmp_path / "results" / "predictor" / "report.html").read_text(encoding="utf-8")
    assert "predictor" in page


def test_an_author_gets_figures_and_tables_of_a_venue(tmp_path: Path) -> None:
    line = shown("regretta run quick --optimizer regularized_evolution")
    follow(line, tmp_path, "--runs", "2", "--time-limit", "20")
    for report in (line for line in command_lines() if "--out paper" in line):
        follow(report, tmp_path)
    follow(shown("regretta report results/mine --width icml"), tmp_path)
    paper = tmp_path / "paper"
    for name, inches in zip(("regret-column.pdf", "regret.pdf"), VENUES["icml"], strict=True):
        box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+)", (paper / "figures" / name).read_bytes())
        assert box is not None
        assert abs(float(box[1]) - 72 * inches) < 0.5
    assert "regularized" in (paper / "methods.tex").read_text(encoding="utf-8").lower()
    if shutil.which("pdflatex"):
        compile_all(paper, *VENUES["icml"])


def compile_all(paper: Path, column: float, page: float) -> None:
    """Every table and the paragraph in a document of two columns: nothing is too wide."""
    tables = "".join(f"\\input{{{t}}}\n" for t in sorted((paper / "tables").glob("*.tex")))
    (paper / "all.tex").write_text(
        "\\documentclass[10pt,twocolumn]{article}\n"
        "\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx}\n"
        f"\\usepackage[textwidth={page}in,textheight=9in]{{geometry}}\n"
        f"\\setlength{{\\columnsep}}{{{page - 2 * column:.4f}in}}\n"
        f"\\begin{{document}}\n{tables}\\input{{{paper / 'methods.tex'}}}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=paper, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log
