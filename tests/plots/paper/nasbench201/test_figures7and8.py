"""Figures 7 and 8: cells derived from supernets, epoch by epoch."""

from dataclasses import replace

import numpy as np
import pytest

from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench201 import figures7and8, table5
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, png
from tests.plots.overlap import check_readable
from tests.plots.paper.nasbench201.supernets import supernet

REGRET = (0.6, 0.3, 0.1)
"""Cells 0 to 2 have accuracies 35, 65 and 85 %: the best cell's error is .05."""


@pytest.fixture
def suite(suite_of, tmp_path):
    """RSPS under both kinds and DARTS-V1 under one, on a table that is none of the paper's."""

    def runs(label, optimizer, kind, *cells):
        skips = [0.0, 0.5, 1.0]
        return [supernet(label, optimizer, kind, some, REGRET, skips) for some in cells]

    return suite_of(
        tmp_path,
        {
            "digits201": {
                "RSPS, running": runs("RSPS, running", "rsps", "running", [0, 1, 1], [0, 0, 2]),
                "RSPS, batch": runs("RSPS, batch", "rsps", "batch", [0, 2, 2], [0, 2, 2]),
                "darts_v1": runs("darts_v1", "darts_v1", "running", [0, 1, 2]),
                "random_search": [supernet("random_search", "random_search", "", [0], log={})],
            }
        },
    )


def test_mean_and_deviation_after_each_epoch_by_hand(suite):
    found = figures7and8.compute(suite, "digits201")
    (judged,) = found.judged
    assert (judged.table, judged.kind, judged.best) == ("digits201", "test", 95.0)
    rsps = judged.curves["running"]["rsps"]
    np.testing.assert_array_equal(rsps.epoch, [0, 1, 2])
    np.testing.assert_allclose(rsps.mean, [35, (65 + 35) / 2, (65 + 85) / 2])
    np.testing.assert_allclose(rsps.deviation, [0, 15, 10])  # of two values half their distance
    np.testing.assert_allclose(judged.curves["batch"]["rsps"].mean, [35, 85, 85])
    np.testing.assert_allclose(found.skipped["batch"]["rsps"].mean, [0, 50, 100])


def test_a_method_that_does_not_depend_on_batch_normalization_stands_under_both(suite):
    found = figures7and8.compute(suite, "digits201")
    assert [(s.name, s.batch_norm, s.borrowed) for s in found.searches if s.name != "rsps"] == [
        ("darts_v1", "running", False),
        ("darts_v1", "batch", True),
    ]
    assert "DARTS-V1 never choose by an evaluation of the supernet" in figures7and8.caption(found)
    assert "drawn dashed under batch statistics" in figures7and8.caption(found)


def with_runs(suite, **changes):
    return replace(suite, runs={"digits201": {**suite.runs["digits201"], **changes}})


def test_runs_under_both_kinds_are_a_check(suite):
    (first,) = suite.runs["digits201"]["darts_v1"]
    other = replace(first, label="again", settings={"batch_norm": "batch"})
    words = figures7and8.caption(figures7and8.compute(with_runs(suite, again=[other]), "digits201"))
    assert "DARTS-V1 does not depend on it; its runs under both derived the same cells" in words
    log = {**other.log, "cell": np.array([0.0, 1.0, 1.0])}
    unlike = with_runs(suite, again=[replace(other, log=log)])
    words = figures7and8.caption(figures7and8.compute(unlike, "digits201"))
    assert "at the end by 20.00 points of mean test accuracy" in words


def test_statistics_of_every_layer_are_a_kind_of_their_own_beside_figure_8(suite):
    every = [
        replace(run, settings={"batch_norm": "all"})
        for run in suite.runs["digits201"]["RSPS, batch"]
    ]
    alone = with_runs(suite, **{"RSPS, batch": every})
    found = figures7and8.compute(alone, "digits201")
    assert list(found.judged[0].curves) == ["running", "all"]
    assert ("darts_v1", "all", True) in {(s.name, s.batch_norm, s.borrowed) for s in found.searches}
    words = figures7and8.caption(found)
    assert "the paper's code has them inside the cells only" in words
    assert "Missing" not in words
    both = with_runs(suite, every=every)
    found = figures7and8.compute(both, "digits201")
    assert {s.batch_norm for s in found.searches if s.optimizer == "darts_v1"} == {
        *("running", "batch", "all")
    }
    drawn = figures7and8.draw(found, TWO_COLUMNS)
    assert png(drawn)
    check_readable(drawn)


def test_only_epochs_that_every_run_has_are_averaged(suite):
    short = supernet("RSPS, batch", "rsps", "batch", [0, 1], REGRET)
    long = suite.runs["digits201"]["RSPS, batch"][0]
    found = figures7and8.compute(with_runs(suite, **{"RSPS, batch": [long, short]}), "digits201")
    np.testing.assert_array_equal(found.judged[0].curves["batch"]["rsps"].epoch, [0, 1])


def test_runs_under_one_kind_are_one_column(suite):
    alone = with_runs(suite, **{"RSPS, batch": ()})
    found = figures7and8.compute(alone, "digits201")
    assert list(found.skipped) == ["running"]
    assert "Missing: runs with batch statistics" in figures7and8.caption(found)
    assert png(figures7and8.draw(found, ONE_COLUMN))


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_the_picture_can_be_read(suite, width):
    drawn = figures7and8.draw(figures7and8.compute(suite, "digits201"), width)
    assert png(drawn)
    check_readable(drawn)


def test_a_suite_without_supernets_is_one_line(suite_of, run_of, tmp_path):
    with pytest.raises(FigureError, match="has no run on toy of a method that shares weights"):
        figures7and8.compute(suite_of(tmp_path, {"toy": {"smac": [run_of(label="smac")]}}), "toy")


def test_what_supernets_learnt_is_said_where_the_table_is_of_anything(suite):
    assert "learnt" not in figures7and8.caption(figures7and8.compute(suite, "digits201"))
    (first,) = suite.runs["digits201"]["darts_v1"]
    settings = {**first.settings, "lookup": "any", "data": "mine.npz", "recipe": "channels=4,8"}
    other = with_runs(suite, darts_v1=[replace(first, settings=settings)])
    words = figures7and8.caption(figures7and8.compute(other, "digits201"))
    assert "Supernets learnt mine.npz (channels=4,8); what they derived was looked up" in words
    methods = table5.report_table(table5.compute(other))
    assert "Supernets learnt mine.npz (channels=4,8)" in methods.caption
