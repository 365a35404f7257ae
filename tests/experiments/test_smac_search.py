"""What two searches find of one acquisition function is compared moment by moment."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.experiments.pages.smac_search import Maxima, maxima


def test_shares_by_hand() -> None:
    found = Maxima(
        np.array([1.0, 9, 17, 25]), np.array([0.1, 0.2, 0.2, 0.4]), np.array([0.2, 0.2, 0.1, 0.4])
    )
    assert found.shares == (0.25, 0.5, 0.25)
    assert found.ratios == pytest.approx([2, 1, 0.5, 1])


def test_a_stock_search_tells_what_both_find_at_every_fit_of_the_forest() -> None:
    """The first forest is of the random start; a forest serves eight proposals."""
    found = maxima("digits101", seconds=4.0, searches=1)
    assert found.observed[:2].tolist() == [1, 9]
    assert (found.stock > 0).all()
    assert (found.fast > 0).all()
