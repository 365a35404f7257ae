"""Are weight-sharing methods worth it? A page in the docs, from the runs of `digits201-table5`.

    regretta run digits201-table5 --out results/digits201-table5
    python experiments/pages/rank_correlation.py digits201 --out results/ranks
    python experiments/pages/weight_sharing.py results/digits201-table5 --ranks results/ranks

Writes ``<docs>/weight-sharing.md`` and ``<docs>/figures/weight-sharing-*.png``. Every sentence of
the page that says what was found is computed from the runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regretta.experiments.pages.machine import machine
from regretta.experiments.pages.rank_correlation import load_ranks
from regretta.harness.axis import regret_matrix, run_end
from regretta.harness.regret import final_regret
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults, load_suite
from regretta.plots import one_shot_ranks
from regretta.plots.axes import human_time
from regretta.plots.curve_caption import regret_caption
from regretta.plots.paper.nasbench201 import figures7and8, table5
from regretta.plots.paper.nasbench201.published import WEIGHT_SHARING
from regretta.plots.regret_curve import draw_regret, regret_curves
from regretta.plots.spread import interval
from regretta.plots.statistics import (
    LEVEL,
    Interval,
    holm,
    least_p,
    rank_sum_test,
    superiority,
)
from regretta.plots.style import TWO_COLUMNS, human_name, method_styles, png
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.storage import write_atomically

BASELINES = ("random_search", "regularized_evolution")
"""What a supernet is compared with: sequential searches that had as many seconds."""

PAGE = Path(__file__).with_name("weight_sharing_page.md")
"""The text, with places for what is computed."""

RANKS = """
## Why batch normalization matters: one-shot ranks

![Rank correlation of one-shot accuracy](figures/weight-sharing-ranks.png)

{caption}
"""


@dataclass(frozen=True, eq=False)
class Comparison:
    """A label's supernets against a sequential method that had as many seconds.

    Attributes
    ----------
    label, baseline
        Whose runs they are.
    seconds, with_choices
        Of each supernet, with its last choice and with those of all epochs: shape ``[runs]``.
    regret
        What it found: shape ``[runs]``.
    theirs
        Mean regret of the baseline's runs after the supernets' mean seconds, with its interval.
    p, p_holm, least_p, better
        Of the test; the probability that a run of the supernet is better.
    sooner
        Seconds after which the baseline's mean regret is at most that of the supernets, to stay;
        infinite where it never is.
    """

    label: str
    baseline: str
    seconds: NDArray[np.float64]
    with_choices: NDArray[np.float64]
    regret: NDArray[np.float64]
    theirs: Interval
    p: float
    p_holm: float
    least_p: float
    better: float
    sooner: float


def compare(suite: SuiteResults, table: str) -> list[Comparison]:
    """Every label of supernets against every baseline, corrected over all of them.

    Raises
    ------
    UserError
        If the suite has no finished run of a supernet or of a baseline.
    """
    runs = {label: group for label, group in suite.runs[table].items() if group}
    kind = regret_kind(runs)
    shared = [label for label, group in runs.items() if group[0].optimizer in WEIGHT_SHARING]
    bases = [label for name in BASELINES for label, g in runs.items() if g[0].optimizer == name]
    if not shared or not bases:
        raise UserError(
            f"{suite.folder} needs finished runs of supernets and of random search or evolution"
        )
    found = [_compare(runs[label], runs[base], kind) for label in shared for base in bases]
    corrected = holm([one.p for one in found])
    return [
        Comparison(**{**vars(one), "p_holm": float(p)})
        for one, p in zip(found, corrected, strict=True)
    ]


def _compare(own: Sequence[RunResult], base: Sequence[RunResult], kind: str) -> Comparison:
    regret, seconds = final_regret(own, kind), np.array([run.elapsed for run in own])
    columns = ("seconds", "choice_seconds")
    all_choices = [sum(float(np.nansum(run.log[name])) for name in columns) for run in own]
    moment = float(seconds.mean())
    theirs = regret_matrix(base, [moment], kind)[:, 0]
    theirs = np.where(np.isnan(theirs), np.inf, theirs)  # nothing yet is worse than anything
    known = theirs[np.isfinite(theirs)]
    _, p = rank_sum_test(regret, theirs)
    grid = np.geomspace(moment / 1e3, max(map(run_end, base)), 2000)
    mean = np.where(np.isnan(values := regret_matrix(base, grid, kind)), np.inf, values).mean(
        axis=0
    )
    above = np.flatnonzero(mean > regret.mean())
    first = above[-1] + 1 if len(above) else 0
    return Comparison(
        *(own[0].label, base[0].label, seconds, np.array(all_choices), regret),
        theirs=interval(known) if len(known) else Interval(np.nan, np.nan, np.nan, 0),
        p=p,
        p_holm=p,
        least_p=least_p(len(own), len(base)),
        better=superiority(regret, theirs),
        sooner=float(grid[first]) if first < len(grid) else np.inf,
    )


def answer(found: Sequence[Comparison], measure: str) -> str:
    """What the comparisons say, in words."""
    said = []
    for baseline in dict.fromkeys(one.baseline for one in found):
        theirs = [one for one in found if one.baseline == baseline]
        shown = [one for one in theirs if one.p_holm < LEVEL]
        better = [human_name(one.label) for one in shown if one.better > 0.5]
        worse = [human_name(one.label) for one in shown if one.better <= 0.5]
        sooner = [one for one in theirs if one.sooner <= one.seconds.mean()]
        said.append(
            f"- Against **{human_name(baseline).lower()}** with as many seconds, of {len(theirs)}"
            f" kinds of supernets {_listed(better, 'better')} and {_listed(worse, 'worse')}"
            f" (corrected p < {LEVEL:g}); of the other {len(theirs) - len(shown)} nothing is shown."
            f" It reaches the supernets' mean {measure} before they are done for"
            f" {len(sooner)} of {len(theirs)}."
        )
    weakest = max(one.least_p for one in found)
    if weakest * len(found) >= LEVEL:
        said.append(
            f"- So few runs cannot show everything: the least corrected p-value that they can have"
            f" is {min(1.0, weakest * len(found)):.2g}."
        )
    return "\n".join(said)


def _listed(names: Sequence[str], what: str) -> str:
    if not names:
        return f"none is shown to be {what}"
    verb = "is" if len(names) == 1 else "are"
    return f"{len(names)} {verb} {what} ({', '.join(names)})"


def comparison_rows(found: Sequence[Comparison]) -> list[list[str]]:
    """The table of comparisons: a heading, then a row each."""
    head = [
        *("Supernet", "Runs", "Seconds", "Regret (%)", "Sequential", "Its regret then (%)"),
        *("It needs", "p (Holm)", "A"),
    ]
    rows = [head]
    for one in found:
        deviation = one.seconds.std(ddof=1) if len(one.seconds) > 1 else np.nan
        rows.append(
            [
                *(human_name(one.label), str(len(one.regret))),
                f"{one.seconds.mean():.0f}" + (f" ± {deviation:.0f}" if deviation >= 0 else ""),
                *(f"{100 * one.regret.mean():.2f}", human_name(one.baseline)),
                f"{100 * one.theirs.estimate:.2f} ({100 * one.theirs.low:.2f} to"
                f" {100 * one.theirs.high:.2f})",
                human_time(one.sooner) if np.isfinite(one.sooner) else "more than its limit",
                *(f"{one.p_holm:.2g}", f"{one.better:.2f}"),
            ]
        )
    return rows


def seed_rows(found: Sequence[Comparison]) -> str:
    """The regret of each run of a supernet, and the seconds that every epoch's choice adds."""
    first = {one.label: one for one in found}
    told = [
        f"{human_name(label)} {', '.join(f'{100 * value:.2f}' for value in one.regret)}"
        for label, one in first.items()
    ]
    longer = [
        f"{human_name(label)} {one.with_choices.mean():.0f}"
        for label, one in first.items()
        if one.with_choices.mean() > one.seconds.mean() + 0.5
    ]
    extra = f" Seconds with the choice of every epoch: {'; '.join(longer)}." if longer else ""
    return f"Each run's regret (%): {'; '.join(told)}.{extra}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: its first row is the heading."""
    first, *others = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *others])


def write(suite: SuiteResults, ranks: Path | None, docs: Path) -> str:
    """Write the page and its figures; returns the page."""
    if len(suite.tables) != 1:
        raise UserError(f"{suite.folder} has {len(suite.tables)} tables; the page is of one")
    (table,) = suite.tables
    runs = {label: group for label, group in suite.runs[table].items() if group}
    found = compare(suite, table)
    curves = regret_curves(runs)
    styles = method_styles([(label, group[0].optimizer) for label, group in runs.items()])
    epochs = figures7and8.compute(suite, table)
    methods = table5.report_table(table5.compute(suite))
    pictures = {
        "regret": draw_regret([curves], styles, TWO_COLUMNS),
        "epochs": figures7and8.draw(epochs, TWO_COLUMNS),
    }
    ranked = ""
    if ranks is not None:
        shown = load_ranks(ranks)
        pictures["ranks"] = one_shot_ranks.draw(shown, TWO_COLUMNS)
        ranked = RANKS.format(caption=one_shot_ranks.caption(shown))
    notes = dict.fromkeys(note for group in runs.values() for run in group for note in run.notes)
    page = PAGE.read_text(encoding="utf-8").format(
        table=table,
        answer=answer(found, curves.measure),
        regret_caption=regret_caption([curves]),
        measure=curves.measure,
        baselines=" and ".join(dict.fromkeys(human_name(one.baseline).lower() for one in found)),
        rows=markdown(comparison_rows(found)),
        seeds=seed_rows(found),
        epochs_caption=figures7and8.caption(epochs),
        ranks=ranked,
        table5=markdown([list(methods.columns), *map(list, methods.rows)]),
        table5_caption=methods.caption,
        machine=machine("numpy", "scipy"),
        notes="\n".join(f"- {note}" for note in notes) or "None.",
    )
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    for name, drawn in pictures.items():
        write_atomically(docs / "figures" / f"weight-sharing-{name}.png", png(drawn))
    write_atomically(docs / "weight-sharing.md", page.encode())
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the suite digits201-table5")
    parser.add_argument("--ranks", type=Path, help="folder of rank_correlation.py")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    print(write(load_suite(options.folder), options.ranks, options.docs))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from None
