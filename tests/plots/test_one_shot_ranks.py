"""How well supernets rank cells."""

import numpy as np
import pytest

from regretta.plots.one_shot_ranks import Evaluations, caption, draw, one_shot_ranks
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, png
from tests.plots.overlap import check_readable

TRUTH = np.array([0.1, 0.2, 0.3, 0.4])


def supernet(running, batch, epochs=(0, 5)):
    """One whose statistics of each batch rank alike inside the cells and in every layer."""
    accuracy = {"running": running, "batch": batch, "all": batch}
    return Evaluations(
        np.array(epochs, dtype=float), {k: np.array(v, dtype=float) for k, v in accuracy.items()}
    )


@pytest.fixture
def two():
    """At epoch 5 one supernet ranks all but two neighbours right, the other one all wrong."""
    chance = [0.1] * 4
    rising, swapped, falling = [1, 2, 3, 4], [1, 3, 2, 4], [4, 3, 2, 1]
    return [
        supernet([chance, falling], [chance, rising]),
        supernet([chance, falling], [chance, swapped]),
    ]


def test_correlations_of_four_cells_by_hand(two):
    """One swap of neighbours: rho = 1 - 6 * 2 / (4 * 15) = 0.8, tau = (5 - 1) / 6."""
    found = one_shot_ranks(two, TRUTH, "toy")
    np.testing.assert_allclose(found.values["batch"][0, :, 1], [1, 0.8])
    np.testing.assert_allclose(found.values["batch"][1, :, 1], [1, 2 / 3])
    np.testing.assert_allclose(found.values["running"][:2, :, 1], -1)
    np.testing.assert_allclose(found.values["running"][2, :, 0], 10)  # percent


def test_cells_that_are_all_alike_have_no_rank(two):
    found = one_shot_ranks(two, TRUTH, "toy")
    assert np.isnan(found.values["batch"][:2, :, 0]).all()


def test_only_epochs_that_every_supernet_has_are_compared(two):
    short = supernet([[0.1] * 4], [[0.1] * 4], epochs=[0])
    assert one_shot_ranks([*two, short], TRUTH, "toy").epochs.tolist() == [0]


def test_the_caption_says_where_it_ends_and_of_each_supernet(two):
    words = caption(one_shot_ranks(two, TRUTH, "toy", "everything"))
    assert (
        "Spearman's correlation after epoch 5: running estimates \u22121.00"
        " (\u22121.00, \u22121.00); batch statistics 0.90 (1.00, 0.80); batch statistics,"
        " every layer 0.90 (1.00, 0.80)." in words
    )
    assert words.endswith("Reconstruction: everything.")


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_the_picture_can_be_read(two, width):
    drawn = draw(one_shot_ranks(two, TRUTH, "toy"), width)
    assert png(drawn)
    check_readable(drawn)
