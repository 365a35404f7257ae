"""A stranger's folder of results may name anything: nothing outside of it is touched."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.result import RunResult
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.folder import spec_of_folder
from regretta.tabular_data.errors import UserError

OUTSIDE = ["../../x", "../x", "..", "."]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Somebody's own files, named as those of a suite are."""
    folder = tmp_path / "outside"
    for name in ("00000.json", "00001.jsonl", ".a.abcd1234.part", "regret.png", "suite.json", "x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("precious")
    return folder


@pytest.fixture
def results(small101: Path, tmp_path: Path, outside: Path) -> Path:
    entries = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))
    folder = tmp_path / "deep" / "down" / "out"
    run_suite(SuiteSpec("s", (str(small101),), entries, time_limit=1e4, runs=2), folder)
    return folder


def everything(place: Path, but: Path) -> dict[str, bytes | None]:
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(place.rglob("*"))
        if not path.is_relative_to(but)
    }


def sealed(folder: Path, change: Any) -> None:
    """A ``suite.json`` with a change, and a checksum that fits."""
    body = json.loads((folder / "suite.json").read_text())
    del body["sha256"]
    change(body)
    digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    (folder / "suite.json").write_text(json.dumps({**body, "sha256": digest}))


def commands(folder: Path, out: Path) -> list[list[str]]:
    return [
        ["status", str(folder)],
        ["report", str(folder)],
        ["export", str(folder), "--out", str(out / "csv"), "--format", "csv"],
        ["export", str(folder), "--out", str(out / "json")],
        ["figures", "nasbench101", "--suite", str(folder), "--out", str(out / "figures")],
        ["run", str(folder), "--workers", "1", "--runs", "3", "--no-report"],
        ["compact", str(folder)],
    ]


@pytest.mark.parametrize("kind", ["tables", "name"])
def test_a_table_or_suite_is_never_named_by_a_path(
    results: Path, outside: Path, tmp_path: Path, kind: str
) -> None:
    for name in [*OUTSIDE, f"{outside}/x", "a\0b", "con", "x" * 300, ""]:

        def change(body: dict[str, Any], name: str = name) -> None:
            body[kind] = name if kind == "name" else dict.fromkeys([name], *body[kind].values())

        sealed(results, change)
        for command in commands(results, tmp_path / "exported")[:-1]:
            assert main(command) == 2, command
    assert not (tmp_path / "exported").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["methods", "place", "plugin"])
def test_whatever_else_suite_json_names_leads_nowhere(
    results: Path, outside: Path, tmp_path: Path, kind: str
) -> None:
    def change(body: dict[str, Any]) -> None:
        if kind == "methods":
            body[kind] = dict(zip(["../../x", f"{outside}/x"], body[kind].values(), strict=True))
        for item in (*body["tables"].values(), *body["methods"].values()):
            if kind in item:
                item[kind] = "../../../outside/x"

    def others() -> dict[str, bytes | None]:
        return {
            path: data
            for path, data in everything(tmp_path, but=exported).items()
            if not path.startswith(str(results))
        }

    exported = tmp_path / "exported"
    sealed(results, change)
    before = others()
    assert main(["status", str(results)]) == 0
    for command in commands(results, exported):
        if command[0] not in ("report", "figures"):  # whose files are named after tables only
            assert main(command) in (0, 2), command
    assert others() == before


def test_a_run_file_that_names_another_place_is_that_of_another_suite(
    results: Path, outside: Path, small101: Path
) -> None:
    file = results / "runs" / "small101" / "random_search" / "00000.json"
    one = RunResult.from_json(file.read_bytes())
    object.__setattr__(one, "label", "../../../../outside")
    file.write_bytes(one.to_json())
    outcome = run_suite(spec_of_folder(results), results)
    assert outcome.new == 1
    assert "was made by other code or another suite" in outcome.set_aside[0]


@pytest.mark.parametrize("link", ["runs", "runs/small101", "runs/small101/random_search"])
def test_a_link_in_a_folder_of_results_is_not_followed(
    results: Path, outside: Path, tmp_path: Path, link: str
) -> None:
    spec = spec_of_folder(results)
    (results / link).rename(tmp_path / "kept")
    (results / link).symlink_to(outside)
    before = everything(outside, but=results)
    with pytest.raises(UserError, match=f"{link} is a link; put a folder in its place"):
        run_suite(spec, results)
    main(["compact", str(results)])
    assert everything(outside, but=results) == before


@pytest.mark.parametrize("link", ["figures", "tables"])
def test_a_report_is_not_written_through_a_link(
    results: Path, outside: Path, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    (results / link).symlink_to(outside)
    before = everything(outside, but=results)
    assert main(["report", str(results)]) == 2
    assert f"{link} is a link; put a folder in its place" in capsys.readouterr().err
    assert everything(outside, but=results) == before


NO_PATHS = ["a\0b", "x" * 5000, "x/" * 5000]


@pytest.mark.parametrize("path", NO_PATHS, ids=["zero byte", "long name", "long path"])
def test_what_cannot_be_a_path_is_one_line_wherever_a_path_is_meant(
    results: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    calls = [
        ["run", path],
        ["run", "quick", "--out", path],
        ["run", "quick", "--table", path],
        ["run", "quick", "--plugin", path],
        ["status", path],
        ["compact", path],
        ["report", path],
        ["export", path, "--out", "x"],
        ["export", str(results), "--out", path],
        ["table", "info", path],
        ["table", "verify", path],
        ["table", "cut", path, "--vertices", "5"],
        ["table", "weights", path, "0"],
        ["table", "import", "nasbench101", path],
        ["table", "build", "nasbench101-3v", "digits", "--out", path],
        ["figures", "nasbench101", "--table", path],
        ["figures", "nasbench101", "--suite", path],
        ["figures", "nasbench101", "--out", path],
    ]
    for call in calls:
        assert main(call) == 2, call
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1, said
        assert len(said[0]) < 300
