"""The page on whether weight sharing is worth it says what the runs say."""

from pathlib import Path

import numpy as np
import pytest

from regretta.experiments.pages.rank_correlation import sample
from regretta.experiments.pages.weight_sharing import answer, compare, comparison_rows, write
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces.nasbench201_functions import functions
from tests.plots.conftest import make_run, make_suite
from tests.plots.paper.nasbench201.supernets import supernet

TABLE = "digits201"


def suite(folder: Path, regret: float):
    """Three supernets of 214 s that end at a regret; five random searches at .2 from 50 s on."""
    cells, both = [0, 1, 1], (0.6, regret)
    done = {"elapsed": 214.0, "time_limit": 1000.0}
    runs = {
        "rsps": [supernet("rsps", "rsps", "batch", cells, both, **done) for _ in range(3)],
        "random_search": [make_run([10, 50], [0.4, 0.2], time_limit=1000.0) for _ in range(5)],
    }
    return make_suite(folder, {TABLE: runs})


def test_a_supernet_is_compared_with_as_many_seconds_of_random_search(tmp_path):
    """The three highest of eight are one of 56 draws; three of the tied lowest are nearer."""
    (found,) = compare(suite(tmp_path, 0.3), TABLE)
    assert found.theirs.estimate == pytest.approx(0.2)
    assert (found.p, found.p_holm, found.better) == (pytest.approx(1 / 56), found.p, 0)
    assert found.sooner == pytest.approx(50, rel=0.01)
    assert found.with_choices.tolist() == [214.0] * 3
    assert "1 is worse (RSPS)" in answer([found], "test regret")
    assert "before they are done for 1 of 1" in answer([found], "test regret")
    assert comparison_rows([found])[1][:4] == ["RSPS", "3", "214 ± 0", "30.00"]


def test_what_random_search_never_reaches_is_said_to_be_later_than_its_limit(tmp_path):
    (found,) = compare(suite(tmp_path, 0.1), TABLE)
    assert found.sooner == np.inf
    assert comparison_rows([found])[1][6] == "more than its limit"
    assert "1 is better (RSPS)" in answer([found], "test regret")


def test_a_suite_without_supernets_makes_no_page(tmp_path):
    alone = make_suite(tmp_path, {TABLE: {"random_search": [make_run()]}})
    with pytest.raises(UserError, match="needs finished runs of supernets"):
        compare(alone, TABLE)


def test_the_page_has_its_figures_and_nothing_left_to_fill_in(tmp_path):
    page = write(suite(tmp_path, 0.3), None, tmp_path / "docs")
    assert (tmp_path / "docs" / "weight-sharing.md").read_text() == page
    for name in ("regret", "epochs"):
        picture = tmp_path / "docs" / "figures" / f"weight-sharing-{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert f"figures/{picture.name}" in page
    assert "{" not in page


def test_the_sample_of_cells_has_one_string_a_function():
    rows = sample(100)
    assert len(set(functions().of_row[rows].tolist())) == 100
    np.testing.assert_array_equal(rows, sample(100))
