"""Regret by number of simulated workers."""

from dataclasses import replace

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.plots.parallel_workers import (
    WorkerFigureError,
    draw_workers,
    worker_curves,
    workers_caption,
    write_workers_figure,
)
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, png
from tests.plots.overlap import check_readable


def runs_by_workers(run_of):
    """Each tenfold number of workers is ten times as fast."""
    return {
        count: [
            replace(
                run_of([10 / count, 1000 / count], [0.4, 0.1], time_limit=1e4),
                simulated_workers=count,
            )
        ]
        * 3
        for count in (100, 1, 10)
    }


def test_work_is_time_times_workers(run_of):
    curves = worker_curves(runs_by_workers(run_of), points=5)
    assert curves.workers == (1, 10, 100)
    for count, time, work in zip(
        curves.workers, curves.by_time.curves, curves.by_work.curves, strict=True
    ):
        assert time.label == work.label == str(count)
        assert time.position[0] == 10 / count
        np.testing.assert_allclose(work.position, time.position * count)
        assert work.value is time.value
        # All reach 0.1 after the same work.
        np.testing.assert_allclose(time.value, np.where(work.position >= 1000, 0.1, 0.4))
    assert (curves.by_time.end, curves.by_work.end) == (1e4, 1e6)


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_the_picture_names_method_table_workers_and_both_times(run_of, width):
    figure = draw_workers(worker_curves(runs_by_workers(run_of)), width)
    shown = [painted.text for painted in check_readable(figure)]
    for words in (
        *("1 worker", "10 workers", "100 workers", "n = 3 runs each", "Random search, toy"),
        *(
            "Simulated wall-clock time (s)",
            "Workers × simulated wall-clock time (s)",
            "Mean test regret (fraction)",
        ),
    ):
        assert words in shown
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_modelled_numbers_and_a_long_name_are_told_in_both_panels(run_of, width):
    runs = {
        count: [replace(run, reconstruction="times", table="t" * 300) for run in group]
        for count, group in runs_by_workers(run_of).items()
    }
    shown = [painted.text for painted in check_readable(draw_workers(worker_curves(runs), width))]
    assert sum("reconstruction" in text for text in shown) == 2


def test_many_numbers_of_workers_are_graded_and_told_apart(run_of):
    runs = {
        count: [replace(run_of([10], [0.4], time_limit=1e4), simulated_workers=count)]
        for count in range(1, 21)
    }
    figure = draw_workers(worker_curves(runs), ONE_COLUMN)
    check_readable(figure)
    assert len({line.get_color() for line in figure.axes[0].get_lines()}) >= 20


def test_the_caption_says_what_is_compared(run_of):
    text = workers_caption(worker_curves(runs_by_workers(run_of)))
    assert text.startswith("Random search on 1, 10 and 100 simulated workers, asynchronously.")
    assert "n = 3 runs" in text


def test_only_the_number_of_workers_may_differ(run_of):
    runs = runs_by_workers(run_of)
    runs[10] = [replace(runs[10][0], seed=2)]
    with pytest.raises(
        WorkerFigureError, match="on 10 workers has seed 2, on 1 1; only the number of workers"
    ):
        worker_curves(runs)
    for nothing in ({}, {1: []}):
        with pytest.raises(WorkerFigureError, match="at least one run"):
            worker_curves(nothing)


def test_suites_of_several_numbers_of_workers_become_one_figure(small101, tmp_path):
    entries = (OptimizerEntry("random_search"), OptimizerEntry("asha"))
    spec = SuiteSpec("many", (str(small101),), entries, time_limit=1000.0, runs=2)
    folders = [tmp_path / str(count) for count in (1, 8)]
    for folder in folders:
        run_suite(replace(spec, simulated_workers=int(folder.name)), folder)
    path = write_workers_figure(folders, tmp_path / "figures", label="asha")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert sorted(file.suffix for file in path.parent.iterdir()) == [".pdf", ".png", ".txt"]
    for arguments, said in (
        ({}, "has several labels: random_search, asha; choose one, label='…'"),
        ({"label": "bohb"}, "has no label 'bohb'; it has random_search, asha"),
        ({"label": "asha", "table": "other"}, "has no table 'other'; it has small101"),
    ):
        with pytest.raises(WorkerFigureError) as caught:
            write_workers_figure(folders, tmp_path / "figures", **arguments)
        assert said in str(caught.value)
    with pytest.raises(
        WorkerFigureError, match="has runs on 1 simulated workers, and so has another folder"
    ):
        write_workers_figure([folders[0], folders[0]], tmp_path, label="asha")
    with pytest.raises(SuiteError, match="holds no suite"):
        write_workers_figure([tmp_path / "none"], tmp_path, label="asha")
