"""Runs of methods that share weights, as the figures read them."""

import numpy as np

from tests.plots.conftest import make_run


def supernet(label, optimizer, batch_norm, cells, regret=(0.2, 0.1), skips=None, **changes):
    """A run whose derived cells after each epoch are given; of cell k the regret is the k-th.

    Epochs take 100 s and their choices 7 s; the untrained choice is free.
    """
    epochs = np.arange(len(cells), dtype=float)
    log = {
        "epoch": epochs,
        "cell": np.array(cells, dtype=float),
        "seconds": 100.0 * (epochs > 0),
        "choice_seconds": 7.0 * (epochs > 0),
        "skip_edges": np.zeros(len(cells)) if skips is None else np.array(skips),
    }
    settings = {"batch_norm": batch_norm}
    return make_run(
        *(107.0 * np.arange(len(regret)), regret),
        **{"label": label, "optimizer": optimizer, "settings": settings, "log": log, **changes},
    )
