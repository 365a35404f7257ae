"""Files of other people's code: what they may say, and one line for all that they may not."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.elsewhere.records import ElsewhereError
from regretta.harness.elsewhere.trajectories import read_trajectories
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from tests.hostile import MOST_MEMORY, refused

HEADING = "table,method,run,seconds,test_error\n"


def written(folder: Path, text: str, name: str = "other.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def lines(folder: Path, *rows: str, heading: str = "table,method,run,seconds,test_error") -> Path:
    return written(folder, "\n".join([heading, *rows]) + "\n")


def test_a_csv_has_a_line_an_incumbent(tmp_path: Path) -> None:
    path = lines(
        tmp_path, "t,bohb,0,10,0.3", "t,bohb,0,20.5,0.25", "t,bohb,1,12,0.4", "u,rs,0,1,0.5"
    )
    found = read_trajectories(path)
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    assert [(run.table, run.method, run.run) for run in found.runs] == [
        ("t", "bohb", "0"),
        ("t", "bohb", "1"),
        ("u", "rs", "0"),
    ]
    np.testing.assert_array_equal(found.runs[0].seconds, [10, 20.5])
    np.testing.assert_array_equal(found.runs[0].values["test_error"], [0.3, 0.25])
    assert found.notes == ()


def test_runs_may_take_turns_and_names_may_be_quoted(tmp_path: Path) -> None:
    path = lines(tmp_path, 't,"a, b",0,1,0.5', 't,"a, b",1,1,0.5', 't,"a, b",0,2,0.4')
    found = read_trajectories(path)
    assert [len(run.seconds) for run in found.runs] == [2, 1]
    assert found.runs[0].method == "a, b"


def test_columns_that_nobody_knows_are_told(tmp_path: Path) -> None:
    path = lines(tmp_path, "t,m,0,1,.5,7", heading="table,method,seed,time,test_error,width")
    found = read_trajectories(path)
    assert found.notes == (f"{path}: not used: 'width'",)
    assert found.runs[0].run == "0"


def test_a_table_may_be_named_besides(tmp_path: Path) -> None:
    path = lines(tmp_path, "m,0,1,.5", heading="method,run,seconds,test_error")
    assert read_trajectories(path, "t").runs[0].table == "t"
    with pytest.raises(ElsewhereError, match="does not say its table; add one, or name it: --with"):
        read_trajectories(path)
    other = lines(tmp_path, "t,m,0,1,.5")
    with pytest.raises(ElsewhereError, match="it is of table 't', and was named as one of 'u'"):
        read_trajectories(other, "u")


BAD_LINES: dict[str, tuple[list[str], str]] = {
    "back": (
        ["t,m,0,20,.3", "t,m,0,10,.2"],
        "line 3: seconds of run '0' of 'm' go back from 20 to",
    ),
    "negative": (["t,m,0,-1,.3"], "line 2: seconds of run '0' of 'm' go back from 0 to -1"),
    "again": (["t,m,0,1,.3", "t,m,0,2,.2", "t,m,0,1,.3"], "line 4: seconds of .* go back from 2"),
    "differ": (
        ["t,m,0,1,.3", "t,m,0,1,.2"],
        r"line 3: .* two records of second 1 that differ in test_error \(0.3 and 0.2\); keep",
    ),
    "nan": (["t,m,0,1,nan"], "line 2: test_error is 'nan', no finite number"),
    "inf": (["t,m,0,inf,.1"], "line 2: seconds is 'inf', no finite number"),
    "huge": (["t,m,0,1e999,.1"], "line 2: seconds is '1e999', no finite number"),
    "words": (["t,m,0,1,5 %"], "line 2: test_error is '5 %', no finite number"),
    "comma": (["t,m,0,1,0,5"], "line 2: 6 cells under a heading of 5"),
    "underscore": (["t,m,0,1_0,.5"], "line 2: seconds is '1_0', no finite number"),
    "empty": (["t,m,0,1,.5", "t,m,0,2,"], "line 3: test_error is empty, and on line 2 it is there"),
    "nobody": (["t,,0,1,.5"], "line 2: its method is empty"),
    "no run": (["t,m,,1,.5"], "line 2: its run is empty"),
    "control": (["t,m\x1b[2J,0,1,.5"], "cannot be the name of a method"),
    "nothing": ([], "has no trajectory"),
    "quote": (['t,"m,0,1,.5'], "cells under a heading of 5"),
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_lines_that_cannot_be_are_one_line(tmp_path: Path, what: str) -> None:
    rows, said = BAD_LINES[what]
    path = lines(tmp_path, *rows)
    with pytest.raises(ElsewhereError, match=said) as refusal:
        read_trajectories(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("table,method,run,test_error", "it has no 'seconds'"),
        ("table,method,run,evaluations,test_error", "it has no 'seconds'"),
        ("table,method,run,seconds,time,test_error", "'seconds' and 'time' mean the same"),
        ("table,method,run,seconds,test_regret,regret_test", "mean the same; keep one"),
        ("table,method,run,seconds", "it has none of test_error, test_accuracy, test_regret"),
        ("table,method,seconds,test_error", "it has no column 'run'"),
        ("table,run,seconds,test_error", "it has no column 'method'"),
        ("table,method,run,seconds,test_error,test_error", "a column's name stands twice"),
        ("", "it has no 'seconds'"),
    ],
)
def test_headings_that_cannot_be_are_one_line(tmp_path: Path, heading: str, said: str) -> None:
    with pytest.raises(ElsewhereError, match=said):
        read_trajectories(lines(tmp_path, heading=heading))


def test_equal_records_of_one_second_count_once(tmp_path: Path) -> None:
    path = lines(tmp_path, "t,m,0,1,.5", "t,m,0,1,.5", "t,m,0,2,.5", "t,m,0,2,.5", "t,m,0,2,.5")
    (run,) = read_trajectories(path).runs
    np.testing.assert_array_equal(run.seconds, [1, 2])
    assert run.twice == 3


def test_of_two_evaluations_that_end_in_one_second_the_later_counts(tmp_path: Path) -> None:
    heading = "table,method,run,seconds,evaluations,test_error"
    path = lines(tmp_path, "t,m,0,1,1,.5", "t,m,0,1,2,.4", heading=heading)
    (run,) = read_trajectories(path).runs
    np.testing.assert_array_equal(run.values["test_error"], [0.4])


@pytest.mark.parametrize("counts", ["3 2", "-1 2", "1 1.5", "1 1e300"])
def test_evaluations_are_whole_and_ascend(tmp_path: Path, counts: str) -> None:
    heading = "table,method,run,seconds,evaluations,test_error"
    rows = [f"t,m,0,{k},{count},.5" for k, count in enumerate(counts.split())]
    with pytest.raises(ElsewhereError, match=r"line [23]: evaluations of run '0' of 'm' are"):
        read_trajectories(lines(tmp_path, *rows, heading=heading))


def test_records_that_change_nothing_go_but_for_the_last(tmp_path: Path) -> None:
    heading = "table,method,run,seconds,evaluations,test_error,validation_error"
    rows = ["1,1,.5,.4", "2,2,.5,.4", "3,3,.5,.3", "4,4,.5,.3", "5,5,.5,.3"]
    path = lines(tmp_path, *(f"t,m,0,{row}" for row in rows), heading=heading)
    (run,) = read_trajectories(path).runs
    np.testing.assert_array_equal(run.seconds, [1, 3, 5])


@pytest.mark.slow
def test_endless_files_are_one_line_and_little_memory(small101: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    entries = (OptimizerEntry("random_search"),)
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=1), out)
    row = "small101,m,0,{},.2\n"
    written(tmp_path, HEADING + "".join(row.format(i) for i in range(1_000_000)), "rows.csv")
    written(tmp_path, HEADING + "small101,m," + "x" * 20_000_000, "cell.csv")
    written(tmp_path, "table," * 5_000_000 + "\n", "columns.csv")
    written(tmp_path, HEADING + "".join(f"small101,m,{i},1,\n" for i in range(400_000)), "runs.csv")
    written(tmp_path, '{"trajectories":[' + "[]," * 2_700_000 + "0]}", "lists.json")
    written(tmp_path, json.dumps(trajectory(seconds=[0] * 2_000_000)), "long.json")
    files = ["rows.csv", "cell.csv", "columns.csv", "runs.csv", "lists.json", "long.json"]
    commands = [
        ("report", out, "--with", tmp_path / name, "--out", tmp_path / "r") for name in files
    ]
    assert refused(commands).peak < MOST_MEMORY


# -- JSON ------------------------------------------------------------------------------------


def trajectory(**changes: Any) -> dict[str, Any]:
    about = {"table": "t", "method": "m", "run": 0, "seconds": [1, 2], "test_regret": [0.5, 0.25]}
    return {key: value for key, value in {**about, **changes}.items() if value is not None}


def test_a_json_file_is_one_trajectory_or_a_list_of_them(tmp_path: Path) -> None:
    one = written(tmp_path, json.dumps(trajectory()), "one.json")
    (run,) = read_trajectories(one).runs
    assert (run.table, run.method, run.run) == ("t", "m", "0")
    np.testing.assert_array_equal(run.values["test_regret"], [0.5, 0.25])
    two = written(
        tmp_path, json.dumps({"trajectories": [trajectory(), trajectory(run="b")]}), "two.json"
    )
    assert [run.run for run in read_trajectories(two).runs] == ["0", "b"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([trajectory()], "is a list; a file has one trajectory"),
        ({"trajectories": [trajectory(), trajectory()]}, "is there already, at .*trajectory 1"),
        ({"trajectories": {}}, "'trajectories' must be a list"),
        ({"trajectories": [3]}, "must be an object with lists, got 3"),
        ({"trajectories": []}, "has no trajectory"),
        (trajectory(test_regret=[0.5]), "its lists differ in length: seconds 2, test_regret 1"),
        (trajectory(test_regret=[0.5, None]), "record 2: test_regret is None, no finite number"),
        (trajectory(test_regret=[0.5, "0.2"]), "record 2: test_regret is '0.2', no finite"),
        (trajectory(test_regret=[0.5, True]), "record 2: test_regret is True, no finite number"),
        (trajectory(seconds=[2, 1]), "record 2: seconds of run '0' of 'm' go back from 2 to 1"),
        (trajectory(seconds=3), "its 'seconds' must be a list"),
        (trajectory(method=None), "does not say its 'method'"),
        (trajectory(method=["m"]), "method must be a text"),
        (trajectory(method="m" * 500), "method must be a text"),
        ({"train_acc": [1], "runtime": [1], "test_acc": [1]}, "an errors.json of NASLib cannot be"),
    ],
)
def test_json_that_cannot_be_is_one_line(tmp_path: Path, body: Any, said: str) -> None:
    path = written(tmp_path, json.dumps(body), "other.json")
    with pytest.raises(ElsewhereError, match=said) as refusal:
        read_trajectories(path)
    assert len(str(refusal.value)) < 600


def test_a_folder_has_what_the_scripts_of_nas_benchmarks_write(tmp_path: Path) -> None:
    """Lists as ``NASCifar10.get_results`` gives them: an entry an evaluation, the regret so far."""
    lists = {
        "regret_validation": [0.95, 0.02, 0.02],
        "regret_test": [0.943, 0.03, 0.03],
        "runtime": [0.0, 100.0, 250.0],
    }
    for method, number in (("random_search", 10), ("random_search", 9), ("rl", 0)):
        (tmp_path / method).mkdir(exist_ok=True)
        written(tmp_path / method, json.dumps(lists), f"run_{number}.json")
    (tmp_path / "rl" / "notes.txt").write_text("")
    found = read_trajectories(tmp_path, "nasbench101")
    assert [(run.method, run.run) for run in found.runs] == [
        ("random_search", "9"),
        ("random_search", "10"),
        ("rl", "0"),
    ]
    np.testing.assert_array_equal(found.runs[0].values["test_regret"], [0.943, 0.03, 0.03])
    assert "validation_regret" in found.runs[0].values  # of what was seen, not of the mean
    again = read_trajectories(tmp_path, "nasbench101").sha256
    written(tmp_path / "rl", json.dumps(lists | {"runtime": [0.0, 1.0, 2.0]}), "run_0.json")
    assert found.sha256 == again != read_trajectories(tmp_path, "nasbench101").sha256


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.csv", "nothing.csv cannot be read: No such file"),
        ("empty", "has no file <method>/run_<id>.json"),
        ("page.json", "page.json: it is a web page"),
        ("bytes.csv", "bytes.csv is no text in UTF-8"),
        ("results.zip", "is neither a .csv nor a .json file"),
        ("brackets.json", "it is nothing but brackets"),
    ],
)
def test_what_is_no_file_of_trajectories_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.json").write_text("<!doctype html><html></html>")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    (tmp_path / "results.zip").write_bytes(b"PK\3\4")
    (tmp_path / "brackets.json").write_bytes(b'{"a":' + b"[" * 1_000_000)
    with pytest.raises(ElsewhereError, match=said):
        read_trajectories(tmp_path / name)
