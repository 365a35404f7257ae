"""NATS-Bench: the original files of three architectures, the quirks of its data, and damage."""

from __future__ import annotations

import bz2
import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.cli import main
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.nasbench201.nats_bench import import_table, read_file
from regretta.tabular_data.sources.nasbench201.runs import DATASETS
from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.table import Table
from tests.tabular_data.sources.official_files import arch_state, run_state, whole_file

SPACE = NasBench201()
ARCHS = [SPACE.describe(row) for row in range(SPACE.n_cells - 1, -1, -1)]
"""A list of all architectures in another order than ours: index i is row 15624 − i."""

PREFIXES = {
    "cifar10": ("c10valid", "c10full"),
    "cifar100": ("c100", "c100"),
    "imagenet16-120": ("in16", "in16"),
}


def states(index: int, dataset: str = "cifar10") -> dict[str, Any]:
    """Both schedules of one architecture, with two seeds of three after 200 epochs."""
    keys = ("cifar10-valid", "cifar10") if dataset == "cifar10" else (dataset,)
    return {
        str(epochs): arch_state(
            index,
            ARCHS[index],
            {
                (key, seed): run_state(key, seed, epochs, ARCHS[index])
                for key in keys
                for seed in seeds
            },
        )
        for epochs, seeds in ((12, (111,)), (200, (777, 999)))
    }


def packed(value: Any) -> bytes:
    return bz2.compress(pickle.dumps(value), compresslevel=1)


META = packed(whole_file(ARCHS, {}))


def folder(path: Path, archs: dict[int, Any]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "meta.pickle.pbz2").write_bytes(META)
    for index, value in archs.items():
        (path / f"{index:06d}.pickle.pbz2").write_bytes(packed(value))
    return path


def single(path: Path, archs: dict[int, Any]) -> Path:
    path.write_bytes(packed(whole_file(ARCHS, archs)))
    return path


# -- the original files ----------------------------------------------------------------------


@pytest.mark.parametrize("dataset", PREFIXES)
def test_the_original_files_give_the_published_values(dataset: str, shared_tables: Path) -> None:
    table = import_table(shared_tables / "nats-tss-simple", dataset=dataset, partial=True)
    published = np.load(shared_tables / "nb201" / "nb201.npz")
    search, report = PREFIXES[dataset]
    assert table.name == f"nats-{dataset}"
    assert table.budgets == (12, 200)
    index = [0, 11, 284]
    rows = SPACE.rows(published["ops"][index])
    assert sorted(np.flatnonzero(table.available.any(axis=1))) == sorted(rows)
    columns = {key: column[rows] for key, column in table.columns.items()}
    for ours, theirs in {
        "validation_accuracy": 100 * columns["validation_accuracy"][:, 1],
        "training_seconds": columns["training_seconds"][:, 1, 0],
        "latency_seconds": columns["latency_seconds"],
        "parameters": columns["parameters"] / 1e6,
    }.items():
        key = {
            "validation_accuracy": "val200_seeds",
            "training_seconds": "train_time200",
            "latency_seconds": "latency",
            "parameters": "params_mb",
        }[ours]
        np.testing.assert_allclose(theirs, published[f"{search}_{key}"][index], rtol=1e-5)
    assert table.mean_test_error is not None
    test = 100 - 100 * table.mean_test_error[rows]
    np.testing.assert_allclose(test[:, 1], published[f"{report}_test200_mean"][index], rtol=1e-5)
    np.testing.assert_allclose(test[:, 0], published[f"{report}_test12"][index], rtol=1e-5)
    mean12 = 100 - 100 * table.mean_validation_error[rows, 0]
    np.testing.assert_allclose(mean12, published[f"{search}_val12"][index], rtol=1e-5)


def test_architecture_11_as_published(shared_tables: Path) -> None:
    table = import_table(shared_tables / "nats-tss-simple", partial=True)
    row = SPACE.row(
        SPACE.from_string(
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
        )
    )
    # 12 epochs cost 149.54 s, and one pass over the validation data 4.15 s.
    assert table.columns["training_seconds"][row, 0, 0] == pytest.approx(149.54, abs=0.01)
    assert table.columns["evaluation_seconds"][row] == pytest.approx(4.15, abs=0.01)
    assert table.columns["flops"][row] == 113_951_370
    # CIFAR-10 was validated after every epoch on half of the training data; other runs, on all of
    # it, were tested.
    assert table.columns["validation_curve"].shape == (15625, 200, 3)
    assert not np.isnan(table.columns["test_curve"][row]).any()
    np.testing.assert_array_equal(
        table.columns["validation_curve"][row, -1], table.columns["validation_accuracy"][row, 1]
    )


@pytest.mark.parametrize("dataset", ["cifar100", "imagenet16-120"])
def test_other_data_sets_have_no_validation_curve_and_one_seed_after_12_epochs(
    dataset: str, shared_tables: Path
) -> None:
    table = import_table(shared_tables / "nats-tss-simple", dataset=dataset, partial=True)
    assert "validation_curve" not in table.columns
    assert sorted(set(table.available[:, 0])) == [0, 1]
    assert "12 epochs: 111;" in table.provenance.notes[0]


@pytest.mark.parametrize("dataset", ["cifar100", "imagenet16-120"])
def test_a_curve_of_other_data_sets_is_the_last_epoch_that_the_files_have(
    dataset: str, shared_tables: Path
) -> None:
    """HPOBench's table of what is in the files says so too (``nasbench_201.py``)."""
    table = import_table(shared_tables / "nats-tss-simple", dataset=dataset, partial=True)
    published = np.load(shared_tables / "nb201" / "nb201.npz")
    answer = table.query(index=11)
    for split in ("validation", "test"):
        curve = answer.curve(split)  # type: ignore[arg-type]
        assert (curve.epochs.tolist(), curve.values.shape) == ([200], (1, 3))
    seeds = published[f"{PREFIXES[dataset][0]}_val200_seeds"][11]
    np.testing.assert_allclose(100 * answer.curve("validation").values[0], seeds, rtol=1e-5)
    assert answer.curve("train").epochs.tolist() == list(range(1, 201))


@pytest.mark.parametrize("dataset", PREFIXES)
def test_mid_schedule_budgets_are_where_the_runs_of_12_epochs_stood(
    dataset: str, shared_tables: Path
) -> None:
    source = shared_tables / "nats-tss-simple"
    table = import_table(source, dataset=dataset, partial=True, mid_schedule=True)
    assert table.budgets == (1, 4, 12, 200)
    assert any(
        "1 and 4 epochs are not trainings of their own" in note for note in table.provenance.notes
    )
    state = read_file(source / "000011.pickle.pbz2")["12"]
    row = SPACE.row(SPACE.from_string(state["arch_str"]))
    run = state["all_results"][
        "cifar10-valid" if dataset == "cifar10" else DATASETS[dataset].search, 111
    ]
    for level, epochs in enumerate((1, 4, 12)):
        accuracy, seconds = (
            table.columns[key][row, level, 0] for key in ("validation_accuracy", "training_seconds")
        )
        assert 100 * accuracy == pytest.approx(
            run["eval_acc1es"][f"x-valid@{epochs - 1}"], rel=1e-6
        )
        assert seconds == pytest.approx(
            epochs / 12 * table.columns["training_seconds"][row, 2, 0], rel=1e-6
        )
    plain = import_table(source, dataset=dataset, partial=True)
    np.testing.assert_array_equal(
        table.columns["validation_accuracy"][:, 2:], plain.columns["validation_accuracy"]
    )


def test_the_original_folder_lacks_architectures(shared_tables: Path) -> None:
    with pytest.raises(SourceError, match=r"has 3 of 15625 architectures; pass --partial"):
        import_table(shared_tables / "nats-tss-simple")


# -- both layouts, with made-up values -------------------------------------------------------


@pytest.mark.parametrize("make", [folder, single])
def test_an_import_onto_a_full_disk_is_one_line_and_leaves_nothing(
    make: Any,
    tmp_path: Path,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REGRETTA_HOME", str(small_disk))
    source = make(tmp_path / "source", {5: states(5)})
    assert main(["table", "import", "nats-bench", str(source), "--partial"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("regretta:")]
    where = small_disk / "tables" / "nats-cifar10"
    assert said == [f"regretta: cannot write table {where}: No space left on device"]
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("make", [folder, single])
def test_both_layouts_give_the_same_table(make: Any, tmp_path: Path) -> None:
    table = import_table(
        make(tmp_path / "source", {i: states(i) for i in (5, 15624)}), partial=True
    )
    for row in (SPACE.n_cells - 1 - 5, 0):
        check(table, row)
    assert table.available.any(axis=1).sum() == 2


def test_a_file_with_other_indices_than_the_published_ones_says_so(
    shared_tables: Path, tmp_path: Path
) -> None:
    said = "2 architectures have another index in the file than the published one"
    odd = import_table(folder(tmp_path / "source", {i: states(i) for i in (5, 6)}), partial=True)
    assert any(note.startswith(said) for note in odd.provenance.notes)
    original = import_table(shared_tables / "nats-tss-simple", partial=True)
    assert not any("index" in note for note in original.provenance.notes)
    for index in (0, 11, 284):
        assert original.query(index=index).official_name == index


def check(table: Table, row: int) -> None:
    """A missing seed leaves a gap; test accuracy is ``cifar10``'s, not ``cifar10-valid``'s."""
    seed = np.array([777, 999]) / 1000
    np.testing.assert_allclose(
        100 * table.columns["validation_accuracy"][row, 1, :2], 50 + 19.9 + seed, rtol=1e-6
    )
    assert np.isnan(table.columns["validation_accuracy"][row, 1, 2:]).all()
    np.testing.assert_allclose(
        100 * table.columns["test_accuracy"][row, 1, :2], 50 + 19.9 + seed, rtol=1e-6
    )
    assert table.columns["training_seconds"][row, :, 0].tolist() == [24, 400]
    assert table.columns["evaluation_seconds"][row] == 0.5
    assert table.columns["latency_seconds"][row] == 0.02
    assert table.columns["parameters"][row] == 100_000
    assert table.available[row].tolist() == [1, 2]


def test_repeats_are_seeds_so_that_a_missing_one_leaves_a_gap(tmp_path: Path) -> None:
    archs = {0: states(0), 1: states(1)}
    results = archs[1]["200"]["all_results"]
    results["cifar10-valid", 888] = results.pop(("cifar10-valid", 777))
    table = import_table(folder(tmp_path / "source", archs), partial=True)
    measured = ~np.isnan(table.columns["validation_accuracy"][:, 1])
    assert measured[SPACE.n_cells - 1].tolist() == [True, False, True]
    assert measured[SPACE.n_cells - 2].tolist() == [False, True, True]
    assert table.repeat_order is not None


def test_a_missing_split_is_not_replaced_by_another(tmp_path: Path) -> None:
    archs = {0: states(0, "cifar100"), 1: states(1, "cifar100")}
    for run in archs[0]["200"]["all_results"].values():
        run["eval_acc1es"] = {
            key: v for key, v in run["eval_acc1es"].items() if not key.startswith("x-valid")
        }
    table = import_table(folder(tmp_path / "source", archs), dataset="cifar100", partial=True)
    assert table.available[[SPACE.n_cells - 1, SPACE.n_cells - 2]].tolist() == [[0, 0], [1, 2]]
    assert (
        "left out: 1 cells are not measured at every budget, first row 15624"
        in table.provenance.notes
    )


def test_records_that_disagree_are_settled_by_upstreams_rules_and_counted(tmp_path: Path) -> None:
    """Parameters and FLOPs are seed 888's; times are means over the seeds of the short schedule."""
    runs: dict[str, Any] = {}
    for epochs, seeds in ((12, (111, 777)), (200, (777, 888, 999))):
        of_seed = {}
        for seed in seeds:
            for key in ("cifar10-valid", "cifar10"):
                run = of_seed[key, seed] = run_state(key, seed, epochs, ARCHS[0])
                run["params"] = 0.3 if seed == 888 else 0.1
                run["flop"] = 20.0 if seed == 888 else 10.0 + seed / 1000
                run["latency"] = [-1, 0.001 * seed] if epochs == 12 else [9.0]
                run["eval_times"] = dict.fromkeys(run["eval_times"], seed if epochs == 12 else 9.0)
        runs[str(epochs)] = arch_state(0, ARCHS[0], of_seed)
    source = folder(tmp_path / "source", {0: runs, 1: states(1)})
    table = import_table(source, partial=True)
    row = SPACE.row(SPACE.from_string(ARCHS[0]))
    assert table.columns["parameters"][row] == 300_000
    assert table.columns["flops"][row] == 20e6
    assert table.columns["latency_seconds"][row] == pytest.approx((0.111 + 0.777) / 2)
    assert table.columns["evaluation_seconds"][row] == pytest.approx((111 + 777) / 2)
    for quantity in ("parameters", "flops", "latency_seconds", "evaluation_seconds"):
        assert any(
            f"records of 1 architectures disagree on {quantity}" in note
            for note in table.provenance.notes
        ), quantity


def test_a_quantity_that_some_architectures_lack_is_left_out_and_said(tmp_path: Path) -> None:
    archs = {0: states(0), 1: states(1)}
    for schedule in archs[0].values():
        for run in schedule["all_results"].values():
            run["latency"] = [-1]
    table = import_table(folder(tmp_path / "source", archs), partial=True)
    assert "latency_seconds" not in table.columns
    assert "latency_seconds is left out: 1 architectures lack it" in table.provenance.notes
    assert table.columns["parameters"][SPACE.n_cells - 1] == 100_000


def test_a_data_set_that_was_not_measured_is_an_error(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", {0: states(0)})
    with pytest.raises(SourceError, match="has no cifar100 run"):
        import_table(source, dataset="cifar100", partial=True)
    with pytest.raises(
        SourceError, match="unknown data set of NATS-Bench 'cifar-100'; did you mean 'cifar100'"
    ):
        import_table(source, dataset="cifar-100", partial=True)


def test_progress_counts_architectures_or_bytes(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    archs = {i: states(i) for i in range(3)}
    import_table(folder(tmp_path / "f", archs), None, lambda *at: seen.append(at), partial=True)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    seen.clear()
    source = single(tmp_path / "s.pickle.pbz2", archs)
    import_table(source, None, lambda *at: seen.append(at), partial=True)
    assert seen[-1] == (source.stat().st_size,) * 2


# -- damage ----------------------------------------------------------------------------------


def spoiled(**change: Any) -> dict[int, Any]:
    archs = {0: states(0)}
    archs[0]["200"]["all_results"]["cifar10-valid", 777].update(change)
    return archs


@pytest.mark.parametrize(
    ("archs", "reason"),
    [
        (spoiled(epochs=90), "a run has 90 epochs, not 12 or 200"),
        (spoiled(eval_acc1es={"x-valid@199": float("nan")}), "accuracy x-valid@199 is nan"),
        (spoiled(eval_acc1es={"x-valid@199": 100.5}), "accuracy x-valid@199 is 100.5"),
        (spoiled(eval_acc1es={"x-valid@199": "90"}), "accuracy x-valid@199 is '90'"),
        (spoiled(eval_acc1es=None), "is not what NATS-Bench records"),
        (spoiled(train_times={0: 1.0}), "is not what NATS-Bench records"),
        (spoiled(train_times=dict.fromkeys(range(200), 0.0)), "is 0.0, not a positive number"),
        (spoiled(params=-1.0), "is -1.0, not a positive number"),
        ({0: {"12": 1, "200": 2}}, "is not what NATS-Bench records"),
        (
            {0: {"12": arch_state(0, ARCHS[0], {}), "200": arch_state(1, ARCHS[1], {})}},
            "different architectures",
        ),
        (
            {0: dict.fromkeys(("12", "200"), arch_state(0, ARCHS[1], {}))},
            "is not architecture 0 of the list",
        ),
        (
            {
                0: dict.fromkeys(
                    ("12", "200"),
                    arch_state(0, ARCHS[0].replace("avg_pool_3x3", "max_pool_3x3"), {}),
                )
            },
            "unknown operation 'max_pool_3x3'",
        ),
    ],
)
@pytest.mark.parametrize("make", [folder, single])
def test_a_bad_architecture_is_named(
    make: Any, archs: dict[int, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=reason) as error:
        import_table(make(tmp_path / "source", archs), partial=True)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_architecture_given_twice_or_under_another_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"000001\.pickle\.pbz2 holds architecture 0"):
        import_table(folder(tmp_path / "a", {1: states(0)}), partial=True)
    with pytest.raises(SourceError, match=r"000001.pickle.pbz2: .* occurs twice"):
        import_table(folder(tmp_path / "b", {0: states(0), 1: states(0)}), partial=True)
    with pytest.raises(SourceError, match="indices of arch2infos"):
        import_table(single(tmp_path / "c", {1: states(0)}), partial=True)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "cannot read .*: No such file"),
        (lambda path: path.mkdir(), "no NATS-Bench folder: it has no meta.pickle.pbz2"),
        (lambda path: path.write_bytes(b""), "no file of NATS-Bench.*it is empty"),
        (lambda path: path.write_bytes(pickle.dumps({})), "no file of NATS-Bench.*it is a pickle"),
        (lambda path: path.write_bytes(b"PK\3\4"), "it is a ZIP archive; unpack it"),
        (lambda path: path.write_bytes(b"a/" + bytes(255) + b"ustar"), "a tar archive; unpack it"),
        (lambda path: path.write_bytes(b"BZh9 and no more"), "damaged"),
        (lambda path: path.write_bytes(packed([1, 2])), "no file of all architectures"),
        (
            lambda path: path.write_bytes(packed(whole_file(ARCHS[:9], {}))),
            "no list of all 15625 architectures",
        ),
        (
            lambda path: path.write_bytes(packed(whole_file(ARCHS, {}))),
            "15625 of 15625|has no cifar10 run",
        ),
        (lambda path: folder(path, {0: {"12": 1}}), "must have the schedules 12 and 200"),
    ],
)
def test_a_source_that_is_none_is_one_line(make: Any, reason: str, tmp_path: Path) -> None:
    make(tmp_path / "source")
    with pytest.raises(SourceError, match=reason):
        import_table(tmp_path / "source", partial=True)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    attacked = states(0) | {"12": Hostile(trace)}
    sources = [
        folder(tmp_path / "folder", {0: attacked}),
        single(tmp_path / "single", {0: attacked}),
    ]
    sources += [folder(tmp_path / "meta", {})]
    (sources[2] / "meta.pickle.pbz2").write_bytes(packed(Hostile(trace)))
    for source in sources:
        with pytest.raises(
            SourceError, match=r"is refused: its pickle asks for (posix|nt|os)\.mkdir"
        ):
            import_table(source, partial=True)
        assert not trace.exists()


@given(data=st.data())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damage_is_one_line_and_leaves_nothing(data: st.DataObject, tmp_path: Path) -> None:
    source = folder(tmp_path / "source", {})
    file = source / "000000.pickle.pbz2"
    whole = bytearray(packed(states(0)))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[at:]
    file.write_bytes(whole)
    # bzip2 checks all data, but pads its last byte with bits that nothing reads: such damage
    # changes no value.
    try:
        content: bytes | None = bz2.decompress(whole)
    except (OSError, ValueError, EOFError):
        content = None
    if content == bz2.decompress(packed(states(0))):
        import_table(source, partial=True)
    else:
        with pytest.raises(SourceError) as error:
            import_table(source, partial=True)
        assert "\n" not in str(error.value)
    assert sorted(p.name for p in source.iterdir()) == [file.name, "meta.pickle.pbz2"]


@given(data=st.data())
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_changed_pickle_in_a_sound_archive_is_a_table_or_one_line(
    data: st.DataObject, tmp_path: Path
) -> None:
    changed = bytearray(pickle.dumps(states(0, "cifar100")))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    source = folder(tmp_path / "source", {})
    (source / "000000.pickle.pbz2").write_bytes(bz2.compress(bytes(changed), compresslevel=1))
    with suppress(SourceError):
        import_table(source, dataset="cifar100", partial=True)
