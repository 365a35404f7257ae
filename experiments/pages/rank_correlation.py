"""Does a supernet rank cells as training them alone does? Trains supernets on uniformly random
cells and evaluates a fixed sample of cells every few epochs, in every kind of batch normalization.

    python experiments/pages/rank_correlation.py digits201 --out results/ranks --seeds 0 1 2

A file a seed (``.npz``) is kept in the folder; the same command goes on after a kill. The figure is
drawn beside them, and `experiments/pages/weight_sharing.py` puts it into the docs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.base import Problem
from regretta.optimizers.registry import get_optimizer
from regretta.plots.one_shot_ranks import KINDS, Evaluations, OneShotRanks, caption, draw
from regretta.plots.one_shot_ranks import one_shot_ranks as ranks_of
from regretta.plots.style import TWO_COLUMNS, save
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces.nasbench201_functions import functions
from regretta.tabular_data.storage import write_atomically
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from regretta.optimizers.weight_sharing.base import WeightSharing

SAMPLE_SEED = 201
"""Of the sample of cells, which is the same for every supernet."""

BATCH = 216
"""Validation images that are evaluated at once: with batch statistics accuracies depend on it."""


@dataclass(frozen=True)
class Plan:
    """What is done for every seed.

    Attributes
    ----------
    table
        Whose accuracies are the truth.
    cells
        Rows of the sample, ``[cells]``.
    every
        Epochs between two evaluations.
    settings
        Of the search ``rsps``, whose supernet it is.
    """

    table: Table
    cells: NDArray[np.int64]
    every: int
    settings: Any


def sample(count: int) -> NDArray[np.int64]:
    """Rows of `count` cells of different function: uniform functions, of each a uniform string."""
    rng = np.random.default_rng(SAMPLE_SEED)
    of_row = functions().of_row
    chosen = rng.permutation(int(of_row.max()) + 1)[:count]
    return np.array([rng.choice(np.flatnonzero(of_row == one)) for one in chosen], dtype=np.int64)


def record(plan: Plan, seed: int, folder: Path) -> Path:
    """Train one supernet and evaluate it every few epochs; what is there already is kept.

    After a kill it trains anew, which takes little, repeats every bit on the CPU and leaves only
    the evaluations that are missing.

    Raises
    ------
    UserError
        If the folder holds evaluations of another plan.
    """
    path = folder / f"seed-{seed}.npz"
    known = _known(path, plan)
    last = int(plan.settings.epochs)
    wanted = [epoch for epoch in range(last + 1) if epoch % plan.every == 0 or epoch == last]
    if set(wanted) <= known.keys():
        return path
    problem = Problem(plan.table.space, plan.table.budgets)
    search: Any = get_optimizer("rsps")(problem, np.random.default_rng(seed), plan.settings)
    for epoch in search.epochs():
        number = int(epoch.number)
        if number in wanted and number not in known:
            known[number] = _evaluate(search, plan)
            _write(path, plan, known)
            print(f"seed {seed}, epoch {number} of {last}", flush=True)
    return path


def _evaluate(search: WeightSharing, plan: Plan) -> NDArray[np.float64]:
    """One-shot accuracy on the validation images: shape ``[kinds, cells]``, in `KINDS`' order.

    Training is the same under all kinds; so one supernet is trained, and its weights are lent to
    others that are evaluated in another way.
    """
    from regretta.optimizers.weight_sharing.supernet import Supernet

    data, recipe, own = search.settings.the_data(), search.settings.the_recipe(), search.supernet
    found = []
    for kind in KINDS:
        net = Supernet(
            *(data.image, data.n_classes, recipe, kind, np.random.default_rng(0)),
            search.settings.device,
        )
        for name in ("weights", "means", "variances"):
            getattr(net, name).data.copy_(getattr(own, name).data)
        size = min(BATCH, len(data.validation))
        found.append(net.accuracies(plan.cells, data.validation, data.validation_labels, size))
    return np.stack(found)


def _write(path: Path, plan: Plan, known: dict[int, NDArray[np.float64]]) -> None:
    out = BytesIO()
    epochs = sorted(known)
    np.savez(
        out,
        epochs=np.array(epochs),
        accuracy=np.stack([known[epoch] for epoch in epochs]),
        plan=np.array(_said(plan)),
        table=np.array(plan.table.name),
        cells=plan.cells,
        truth=1 - plan.table.mean_validation_error[plan.cells, -1].astype(np.float64),
        reconstruction=np.array(plan.table.provenance.reconstruction),
    )
    write_atomically(path, out.getvalue())


def _said(plan: Plan) -> str:
    """All that decides a record but its seed."""
    return f"{plan.table.checksum} every {plan.every}: {plan.settings} {plan.cells.tolist()}"


def _known(path: Path, plan: Plan) -> dict[int, NDArray[np.float64]]:
    """The evaluations of a file, by epoch; none where there is no file."""
    if not path.exists():
        return {}
    kept = _arrays(path)
    if str(kept["plan"]) != _said(plan):
        raise UserError(
            f"{path} was made with another table, sample or settings; use another --out"
        )
    return {int(epoch): some for epoch, some in zip(kept["epochs"], kept["accuracy"], strict=True)}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run again") from error


def load_ranks(folder: Path) -> OneShotRanks:
    """The rank correlations of the seeds in a folder.

    Raises
    ------
    UserError
        If there is none, or they are not of one plan.
    """
    kept = [_arrays(path) for path in sorted(folder.glob("seed-*.npz"))]
    if not kept:
        raise UserError(f"{folder} has no seed-*.npz; make them with {Path(__file__).name}")
    first = kept[0]
    if len({str(one["plan"]) for one in kept}) > 1:
        raise UserError(f"the files in {folder} are of several tables, samples or settings")
    supernets = [
        Evaluations(
            one["epochs"].astype(np.float64),
            {kind: one["accuracy"][:, nth] for nth, kind in enumerate(KINDS)},
        )
        for one in kept
    ]
    return ranks_of(supernets, first["truth"], str(first["table"]), str(first["reconstruction"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="name or folder of a table of NAS-Bench-201's cells")
    parser.add_argument("--out", type=Path, required=True, help="folder of the records; kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cells", type=int, default=100, help="size of the sample")
    parser.add_argument("--every", type=int, default=10, help="epochs between two evaluations")
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--lookup", choices=("recipe", "any"), default="recipe")
    parser.add_argument("--preset", default="digits", help="preset of rsps: digits or paper")
    options = parser.parse_args()
    rsps = get_optimizer("rsps")
    values = {
        "batch_norm": "running",  # a supernet of the other kind keeps no estimates
        "choices": 1,  # its own choice is not looked at
        "epochs": options.epochs,
        "lookup": options.lookup,
    }
    settings = rsps.make_settings(options.preset, values)
    table = open_table(options.table)
    rsps.check_benchmark(table, settings)
    plan = Plan(table, sample(options.cells), options.every, settings)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        record(plan, seed, options.out)
    found = load_ranks(options.out)
    save(draw(found, TWO_COLUMNS), options.out, "one-shot-ranks")
    print(caption(found))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from None
