"""A folder of results and a suite's file may be anybody's: one line, and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.result import ResultError, RunResult
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.folder import read_identity
from regretta.harness.store.results import load_suite
from regretta.harness.store.scan import done_already
from regretta.harness.store.status import suite_status
from tests.hostile import MOST_MEMORY, refused


@pytest.fixture(scope="module")
def whole(small101: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three finished runs."""
    out = tmp_path_factory.mktemp("results") / "out"
    entries = (OptimizerEntry("random_search"),)
    run_suite(SuiteSpec("small", (str(small101),), entries, time_limit=1e4, runs=3), out)
    return out


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "out")


def run_file(folder: Path, number: int = 0) -> Path:
    return folder / "runs" / "small101" / "random_search" / f"{number:05d}.json"


def sealed_run(body: dict[str, Any]) -> bytes:
    """A run's file with a checksum that fits."""
    text = json.dumps(body, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()
    return f'{text[:-1]},"sha256":"{digest}"}}\n'.encode()


def sealed_suite(body: dict[str, Any]) -> bytes:
    digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps({**body, "sha256": digest}).encode()


SUITES: dict[str, bytes] = {
    "empty": b"",
    "brackets": b"[" * 8_000_000,
    "lists": b'{"a":[' + b"[]," * 2_700_000 + b"0]}",
    "names": b'{"a":{' + b",".join(b'"%x":0' % i for i in range(700_000)) + b"}}",
    "long": b" " * 20_000_000,
    "digits": b'{"format": ' + b"9" * 5000 + b"}",
    "page": b"<html></html>",
    "other format": b'{"format": 99}',
    "odd format": b'{"format": [[]]}',
    "surrogate": rb'{"format": 2, "name": "\ud800"}',
    "no checksum": b'{"format": 2}',
    "only a checksum": sealed_suite({"format": 2}),
    "no suite": sealed_suite({"format": 2, "name": "x", "tables": [], "methods": 3}),
}

TOMLS: dict[str, bytes] = {
    "empty": b"",
    "dots": b"a" + b".a" * 100_000 + b" = 1",
    "many dots": (b"a" + b".a" * 90 + b" = 1\n") * 1300,
    "headers": b"".join(b"[%s.a%d]\n" % (b"a." * 90, i) for i in range(1000)),
    "brackets": b"a = " + b"[" * 200_000,
    "tables": b"a = " + b"{a=" * 60_000,
    "digits": b"runs = " + b"9" * 200_000,
    "hexadecimal": b'name="x"\ntables=["t"]\nruns = 0x' + b"f" * 200_000,
    "long": b"#" * 20_000_000,
    "lists": b'name="x"\nplugins=[' + b"[]," * 80_000 + b"]",
    "many": b'name="x"\ntables=["t"]\n' + b"[[optimizers]]\n" * 15_000,
    "not text": b"\xff\xfe",
    "date": b'name = 2020-13-45',
    "page": b"<!doctype html>",
    "JSON": b'{"name": "x"}',
}  # fmt: skip


def test_suites_of_any_content_are_one_line_and_little_memory(tmp_path: Path) -> None:
    commands: list[tuple[Any, ...]] = []
    for name, data in SUITES.items():
        (tmp_path / f"suite {name}").mkdir()
        (tmp_path / f"suite {name}" / "suite.json").write_bytes(data)
        commands.append(("status", tmp_path / f"suite {name}"))
        commands.append(("merge", tmp_path / "out", tmp_path / f"suite {name}"))
    for name, data in TOMLS.items():
        (tmp_path / f"{name}.toml").write_bytes(data)
        commands.append(("run", tmp_path / f"{name}.toml", "--out", tmp_path / "out"))
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "suite.json")
    os.mkfifo(tmp_path / "pipe.toml")
    commands += [("report", tmp_path / "pipe"), ("run", tmp_path / "pipe.toml")]
    assert refused(commands).peak < MOST_MEMORY
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(runs="3"),
        lambda body: body.update(runs=0),
        lambda body: body.update(seed=1.5),
        lambda body: body.update(name="../x"),
        lambda body: body.update(tables=[]),
        lambda body: body.update(more=1),
        lambda body: body["tables"].update({"../x": body["tables"]["small101"]}),
        lambda body: body["tables"]["small101"].update(budgets="12"),
        lambda body: body["tables"]["small101"].update(time_limit=None),
        lambda body: body["tables"]["small101"].update(time_limit=-1.0),
        lambda body: body.update(evaluations=0),
        lambda body: body["protocol"].update(observe="mean", repeat=1),
        lambda body: body["tables"]["small101"].update(cells=True),
        lambda body: body["methods"]["random_search"].update(settings=[]),
        lambda body: body["methods"]["random_search"].update(packages={"a": 1}),
        lambda body: body["methods"]["random_search"].pop("optimizer"),
        lambda body: body["protocol"].update(observe="all"),
        lambda body: body["protocol"].update(budgets=[[]]),
        lambda body: body["protocol"].update(time_limits=[1]),
    ],
)
def test_a_forged_suite_is_refused_although_it_fits_its_checksum(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    body = json.loads((folder / "suite.json").read_bytes())
    del body["sha256"]
    SuiteIdentity.from_json(sealed_suite(body))
    change(body)
    (folder / "suite.json").write_bytes(sealed_suite(body))
    with pytest.raises(SuiteError) as caught:
        load_suite(folder)
    assert "\n" not in str(caught.value)


def trajectory(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda body: body["trajectory"].update({name: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (trajectory("time", None), "time must be a list of numbers"),
        (trajectory("time", [["0"]]), "time must be a list of numbers"),
        (trajectory("time", [0.0] * 1000), "a row of finite numbers for every incumbent"),
        (trajectory("evaluation", [1] * 1000), "differ in length"),
        (trajectory("evaluation", [0.5]), "evaluation must be a list of numbers"),
        (trajectory("evaluation", [1 << 80]), "too large"),
        (trajectory("configuration", [[[0]]]), "a list of lists of numbers"),
        (trajectory("configuration", [[0], [0, 1]]), "a list of lists of numbers"),
        (lambda body: body["trajectory"]["configuration"][0].__setitem__(0, -(1 << 63)), "finite"),
        (trajectory("configuration", {}), "a list of lists of numbers"),
        (trajectory("test_error", ["x"]), "test_error must be a list of numbers"),
        (lambda body: body["trajectory"].pop("cell"), "its trajectory must have"),
        (lambda body: body["trajectory"]["time"].__setitem__(0, 1e300), "do not ascend"),
        (lambda body: body.pop("trajectory"), "trajectory must be a mapping"),
        (lambda body: body.update(log=[1]), "log must be a mapping"),
        (lambda body: body.update(log={"loss": "x"}), "log of 'loss' must be a list of numbers"),
        (lambda body: body.update(number=-1), "its number is -1"),
        (lambda body: body.update(evaluations=-5), "its evaluations is -5"),
        (lambda body: body.update(number=True), "number must be a whole number"),
        (lambda body: body.update(settings={"a": [[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]}), "nested"),
        (lambda body: body.update(notes="text"), "notes must be a list"),
        (lambda body: body.update(reference={"validation_error": 0.1}), "reference lacks test_err"),
        (lambda body: body.update(evaluations_by_budget={"1": "x"}), "must be a whole number"),
        (lambda body: body.update(format=7), "another version"),
        (lambda body: body.update(more=7), "unknown entry 'more'"),
    ],
)
def test_a_forged_run_is_refused_although_it_fits_its_checksum(
    folder: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    body = json.loads(run_file(folder).read_bytes())
    del body["sha256"]
    RunResult.from_json(sealed_run(body))
    change(body)
    data = sealed_run(body)
    with pytest.raises(ResultError, match=said):
        RunResult.from_json(data)
    run_file(folder).write_bytes(data)
    found = load_suite(folder)
    assert len(found.runs["small101"]["random_search"]) == 2
    assert len(found.damaged) == 1
    assert "\n" not in found.damaged[0]
    assert suite_status(folder).planned == 3


RUNS: dict[str, bytes] = {
    "empty": b"",
    "brackets": b"[" * 8_000_000,
    "long": b" " * 20_000_000,
    "not text": b'{"a":"\xff"',
    "no number": b'{"format":2,"number":' + b"9" * 5000 + b"}",
}


def test_run_files_of_any_content_are_listed_and_cost_only_themselves(folder: Path) -> None:
    label = run_file(folder).parent
    whole = run_file(folder).read_bytes()
    for number, data in enumerate(RUNS.values(), start=10):
        body = data + b"}"
        seal = b',"sha256":"' + sha256(body).hexdigest().encode() + b'"}\n'
        run_file(folder, number).write_bytes(data + seal)
    os.mkfifo(run_file(folder, 98))
    os.mkdir(run_file(folder, 99))
    (label / f"{'9' * 200}.json").write_bytes(whole)
    (label / "٣.json").write_bytes(whole)
    (label / "0123456789abcdef.jsonl").write_bytes(b"\n" * 5_000_000)
    (label / "fedcba9876543210.jsonl").write_bytes(whole + b"x" * 20_000_000 + b"\n" + whole)
    (label / "00001.failed").write_bytes(b"[" * 100_000)
    (folder / "runs" / "small101" / "another").write_bytes(b"a file in place of a folder")
    assert refused([("status", folder)], lines=20).peak < MOST_MEMORY
    assert suite_status(folder).done == 3
    assert len(load_suite(folder).runs["small101"]["random_search"]) == 3


def test_a_file_in_place_of_a_labels_folder_is_listed(folder: Path) -> None:
    shutil.rmtree(run_file(folder).parent)
    run_file(folder).parent.write_bytes(b"")
    assert "cannot be read: Not a directory" in suite_status(folder).damaged[0]


def test_a_result_that_cannot_be_read_now_is_no_damage_and_stays(folder: Path) -> None:
    """Nothing is known of such a run: it is not set aside, nor done again."""
    run_file(folder).unlink()
    run_file(folder).symlink_to("00000.json")  # a loop: cannot be read, even by root
    with pytest.raises(SuiteError, match=r"Too many levels .*; finished runs may be in it"):
        done_already(folder, read_identity(folder))
    assert run_file(folder).is_symlink()


def test_a_lack_of_descriptors_is_called_so(folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(SuiteError, match=r"suite\.json cannot be read: Too many open files"):
            load_suite(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_written_can_be_read_again(whole: Path) -> None:
    """A run too large to be read is refused when it is made, not when it is looked for."""
    run = RunResult.from_json(run_file(whole).read_bytes())
    with pytest.raises(ResultError, match=r"more than the 8,388,608 that are read again"):
        replace(run, log={"loss": np.random.default_rng(0).random(500_000)}).to_json()
