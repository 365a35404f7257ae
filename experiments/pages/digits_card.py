"""The data card of a table measured by this project and its figures, from the table's arrays only.

    python experiments/pages/digits_card.py TABLE [--docs docs]

Writes ``<docs>/<name>.md`` from ``<name>_card.md`` and ``<docs>/figures/<name>-*.png``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from regretta.experiments.pages.digits_card_figures import draw
from regretta.experiments.pages.digits_card_numbers import Card, Floats, compute, spearman
from regretta.plots.style import png
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def template(name: str) -> Path:
    """The text of a table's card, with places for its numbers."""
    path = Path(__file__).with_name(f"{name}_card.md")
    if not path.exists():
        raise SystemExit(f"no card is written for {name}: {path.name} is missing")
    return path


def markdown(table: Table, card: Card) -> str:
    """The text of the card."""
    cells, n_budgets, repeats = card.validation.shape
    mean_validation, mean_test = card.validation.mean(2), card.test.mean(2)
    best = int(mean_validation[:, -1].argmax())
    budgets = [f"{budget:g}" for budget in table.budgets]
    notes = dict(note.split(": ", 1) for note in table.provenance.notes)
    images = [int(word) for word in notes["data"].replace(",", "").split() if word.isdigit()][1:3]
    head = [
        "Epochs",
        *(
            "min" if q == 0 else "max" if q == 1 else "median" if q == 0.5 else f"{q:.0%}"
            for q in QUANTILES
        ),
    ]
    distribution = [
        [f"{budgets[b]}, {what}", *(f"{100 * q:.1f}" for q in np.quantile(values[:, b], QUANTILES))]
        for b in range(n_budgets)
        for what, values in (("validation", mean_validation), ("test", mean_test))
    ]
    noise = [
        [
            budgets[b],
            *(
                f"{100 * q:.2f}"
                for q in np.quantile(card.spread_validation[:, b], (0.05, 0.5, 0.95))
            ),
            *(f"{100 * q:.2f}" for q in np.quantile(card.spread_test[:, b], (0.05, 0.5, 0.95))),
            *(f"{value:.2f}" for value in card.repeatability[:, b]),
        ]
        for b in range(n_budgets)
    ]

    def triangles(upper: Floats, lower: Floats) -> str:
        values = np.triu(upper, 1) + np.tril(lower, -1)
        rows = [
            [budgets[i], *("" if i == j else f"{values[i, j]:.3f}" for j in range(n_budgets))]
            for i in range(n_budgets)
        ]
        return grid(["Epochs", *budgets], rows)

    agreement = [
        [budgets[b], *(f"{value:.3f}" for value in card.agreement[:, b])] for b in range(n_budgets)
    ]
    sides = ("validation", "test")
    noise_head = [
        "Epochs",
        *(f"{side} {q}" for side in sides for q in ("5%", "median", "95%")),
        "ρ, all",
        "ρ, top tenth",
    ]
    seconds = card.seconds[:, -1]
    return (
        template(table.name)
        .read_text(encoding="utf-8")
        .format(
            name=table.name,
            cells=cells,
            n_budgets=n_budgets,
            budgets=", ".join(budgets[:-1]) + f" and {budgets[-1]}",
            longest=budgets[-1],
            repeats=repeats,
            trainings=card.validation.size,
            notes="\n".join(f"| {key} | {value} |" for key, value in notes.items()),
            seed=notes["seed"],
            hours=card.seconds.sum() * repeats / 3600,
            checksum=table.checksum,
            distribution=grid(head, distribution),
            best_valid=100 * mean_validation[:, -1].max(),
            best_test=100 * mean_test[:, -1].max(),
            test_of_best=100 * mean_test[best, -1],
            single_valid=100 * card.validation[:, -1].max(),
            single_test=100 * card.test[:, -1].max(),
            chance=100 * card.chance,
            at_chance=listed(
                [f"{(mean_test[:, b] < card.chance).sum():,}" for b in range(n_budgets)], budgets
            ),
            runs_at_chance=listed(
                [f"{(card.test[:, b] < card.chance).sum():,}" for b in range(n_budgets)], budgets
            ),
            with_parameters=spearman(mean_test[:, -1], card.parameters),
            with_flops=spearman(mean_test[:, -1], card.flops),
            with_seconds=spearman(mean_test[:, -1], seconds),
            fastest=seconds.min(),
            slowest=seconds.max(),
            median_seconds=np.median(seconds),
            noise=grid(noise_head, noise),
            rank_all=triangles(card.rank_all, card.kendall_all),
            rank_top=triangles(card.rank_top, card.kendall_top),
            n_top=int(card.top.sum()),
            agreement=grid(
                ["Epochs", "ρ, all", "τ, all", "ρ, top tenth", "τ, top tenth"], agreement
            ),
            upper=100 * np.quantile(mean_test[:, -1], 0.75),
            valid_images=images[0],
            valid_step=100 / images[0],
            test_images=images[1],
            test_step=100 / images[1],
            noise_at_top=100 * card.noise_at_top,
            near_best=card.near_best,
            error=200 * card.noise_at_top * np.sqrt(2 / repeats),
            licence=table.provenance.licence,
        )
    )


def listed(values: Sequence[str], budgets: Sequence[str]) -> str:
    """Values with their budgets: ``3 at 1, 2 at 3 and 0 at 9 epochs``."""
    parts = [f"{value} at {budget}" for value, budget in zip(values, budgets, strict=True)]
    return f"{', '.join(parts[:-1])} and {parts[-1]} epochs"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--docs", type=Path, default=Path(__file__).resolve().parents[2] / "docs")
    options = parser.parse_args()
    table = Table.open(options.table)
    card = compute(table)
    for end, drawn in draw(card, table.budgets).items():
        write_atomically(options.docs / "figures" / f"{table.name}-{end}.png", png(drawn))
    write_atomically(options.docs / f"{table.name}.md", markdown(table, card).encode())


if __name__ == "__main__":
    main()
