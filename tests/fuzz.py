"""Everything that reads what others wrote, as functions of bytes, to be fuzzed.

Whatever is read is accepted, or refused by a `UserError` of one line. Inputs are bent into shape
first: checksums are made to fit, so that what is behind them is reached. ``tests/test_fuzz.py``
does a few of each, ``benchmarks/fuzz_readers.py`` as many as one likes, guided by coverage.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from regretta.harness.campaign import run_suite
from regretta.harness.elsewhere.joining import with_trajectories
from regretta.harness.elsewhere.trajectories import read_trajectories
from regretta.harness.identity import SuiteIdentity
from regretta.harness.result import RunResult
from regretta.harness.single import search
from regretta.harness.spec import OptimizerEntry, SuiteSpec, read_spec
from regretta.harness.store.export import export_suite
from regretta.harness.store.files import compact
from regretta.harness.store.merge import merge_folders
from regretta.harness.store.results import load_suite
from regretta.harness.store.sources import read_sources
from regretta.harness.store.status import suite_status
from regretta.harness.trace_bytes import from_bytes, to_bytes
from regretta.plots.report_notes import setup_rows
from regretta.tabular_data.catalog import _family
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.sources.model_metrics import decode
from regretta.tabular_data.sources.nasbench101 import _Content
from regretta.tabular_data.sources.nasbench201.pth import import_table as import_pth
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.nasbench201.stream import read_all
from regretta.tabular_data.sources.pickles import read_pickle
from regretta.tabular_data.sources.tfrecord import frame, read_batches
from regretta.tabular_data.spaces import GridSpace, NasBench101, NasBench201
from regretta.tabular_data.table import Table
from tests.tabular_data.sources.official_files import (
    arch_state,
    model_metrics,
    run_state,
    torch_save,
    whole_file,
)

RUN = "0" * 64
"""Checksum of the run that a trace is of."""


def checked(read: Callable[[], object]) -> None:
    """Read; a refusal is one line of a length that people read."""
    try:
        read()
    except UserError as error:
        said = str(error)
        if "\n" in said or len(said) > 2000:
            raise AssertionError(f"not one line: {said[:3000]!r}") from error


def grid_table(scratch: Path) -> Path:
    ones = [[[0.5, 0.6], [0.7, 0.8]]] * 4
    return Table.from_arrays(
        "grid",
        GridSpace({"x": ["a", "b"], "y": ["c", "d"]}),
        (1, 9),
        validation_accuracy=ones,
        test_accuracy=ones,
        training_seconds=[[[1.0, 2.0], [3.0, 4.0]]] * 4,
    ).write(scratch / "grid")


def results(scratch: Path) -> Path:
    entries = (OptimizerEntry("random_search"),)
    out = scratch / "out"
    run_suite(
        SuiteSpec("small", (str(grid_table(scratch)),), entries, time_limit=40.0, runs=2), out
    )
    return out


def json_of(data: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(data)
        return found if isinstance(found, dict) else None
    return None


# -- targets: each gives its seeds and what is done with an input ------------------------------


Target = tuple[list[bytes], Callable[[bytes], None]]


def table_header(scratch: Path) -> Target:
    folder = grid_table(scratch)
    file = folder / "table.json"
    seed = file.read_bytes()

    def one(data: bytes) -> None:
        plain = json_of(data)
        if plain is not None and isinstance(plain.get("columns"), dict):
            columns = plain.pop("columns")
            plain.pop("checksum", None)
            with suppress(TypeError, KeyError, AttributeError, RecursionError, ValueError):
                sums = {key: column["sha256"] for key, column in columns.items()}
                text = json.dumps([plain, sums], sort_keys=True)
                plain["checksum"] = sha256(text.encode()).hexdigest()
            plain["columns"] = columns
            with suppress(RecursionError, ValueError):
                data = json.dumps(plain).encode()
        file.write_bytes(data)
        checked(lambda: Table.open(folder).verify())
        _family(folder)

    return [seed], one


def table_column(scratch: Path) -> Target:
    folder = grid_table(scratch)
    file = folder / "training_seconds.npy"
    seed = file.read_bytes()

    def one(data: bytes) -> None:
        file.write_bytes(data)
        checked(lambda: Table.open(folder).verify())

    return [seed, seed[:90]], one


def suite_toml(scratch: Path) -> Target:
    file = scratch / "suite.toml"
    suites = sorted(Path(__file__).parents[1].glob("experiments/suites/*.toml"))

    def one(data: bytes) -> None:
        file.write_bytes(data)
        checked(lambda: read_spec(file))

    return [path.read_bytes() for path in suites], one


def resealed(data: bytes) -> bytes:
    """Changed JSON with the checksum that belongs to it, so that what it says is read at all."""
    body = json_of(data)
    if body is not None:
        body.pop("sha256", None)
        with suppress(RecursionError, ValueError):
            digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            return json.dumps({**body, "sha256": digest}).encode()
    return data


def suite_json(scratch: Path) -> Target:
    out = results(scratch)
    file = out / "suite.json"
    seed = file.read_bytes()

    def one(data: bytes) -> None:
        data = resealed(data)
        file.write_bytes(data)
        checked(lambda: SuiteIdentity.from_json(data))
        checked(lambda: load_suite(out))
        checked(lambda: suite_status(out))

    return [seed], one


def sealed_run(data: bytes) -> bytes:
    body = data.rstrip().rpartition(b',"sha256":')[0] or data
    return body + b',"sha256":"' + sha256(body + b"}").hexdigest().encode() + b'"}\n'


def run_json(scratch: Path) -> Target:
    out = results(scratch)
    files = sorted((out / "runs").rglob("*.json"))
    seeds = [file.read_bytes() for file in files]

    def one(data: bytes) -> None:
        data = sealed_run(data)

        def read() -> None:
            run = RunResult.from_json(data)
            for kind in ("validation", "observed", "test"):
                checked(partial(run.regret, kind))
            run.to_json()

        checked(read)
        files[0].write_bytes(data)
        checked(lambda: load_suite(out))
        checked(lambda: suite_status(out))

    return seeds, one


def trace(scratch: Path) -> Target:
    """What follows the line of the checksum; the columns also as they were before deflation."""
    table = Table.open(grid_table(scratch))
    found = [
        search(table, name, seconds=60.0 + i, simulated_workers=i + 1, trace=True).run.trace
        for i, name in enumerate(("random_search", "regularized_evolution"))
    ]
    seeds = []
    for kept in found:
        assert kept is not None
        _, header, columns = to_bytes(kept, RUN).split(b"\n", 2)
        seeds += [header + b"\n" + columns, b"\n" + header + b"\n" + zlib.decompress(columns)]

    def one(data: bytes) -> None:
        if data[:1] == b"\n":
            header, _, columns = data[1:].partition(b"\n")
            columns = zlib.compress(columns)
        else:
            header, _, columns = data.partition(b"\n")
        if (body := json_of(header)) is not None:
            header = json.dumps({**body, "length": len(columns)}).encode()
        content = header + b"\n" + columns
        sealed = b"regretta trace " + sha256(content).hexdigest().encode() + b"\n" + content
        checked(lambda: from_bytes(sealed, RUN))
        checked(lambda: from_bytes(data, RUN))

    return seeds, one


def run_folder(scratch: Path) -> Target:
    """The first byte says as what file the rest lies among the runs."""
    out = results(scratch)
    label = next((out / "runs").rglob("*.json")).parent
    names = ["00000.json", "00001.failed", f"{'0' * 16}.jsonl", "7.json", "x.json"]
    names.append(f"{'0' * 16}.traces")
    whole = {file: file.read_bytes() for file in label.iterdir() if file.is_file()}

    def one(data: bytes) -> None:
        for file in label.iterdir():
            file.unlink()
        for file, content in whole.items():
            file.write_bytes(content)
        if data:
            lines = [sealed_run(line) for line in data[1:].split(b"\n")]
            sealed = b"".join(lines) if data[0] & 128 else data[1:]
            (label / names[data[0] % len(names)]).write_bytes(sealed)
        checked(lambda: load_suite(out))
        checked(lambda: suite_status(out))
        checked(lambda: compact(out))

    return [bytes([k]) + content for k in (0, 2, 132) for content in whole.values()], one


def sources_json(scratch: Path) -> Target:
    out = results(scratch)
    merged = scratch / "merged"
    merge_folders(merged, [out])
    file = merged / "sources.json"
    seed = file.read_bytes()

    suite = load_suite(merged)  # once: reading its runs takes a hundred times as long

    def one(data: bytes) -> None:
        file.write_bytes(resealed(data))
        checked(lambda: setup_rows(replace(suite, sources=read_sources(merged))))

    return [seed], one


def trajectories_csv(scratch: Path) -> Target:
    suite = load_suite(results(scratch))
    export_suite(suite, scratch / "csv", "csv")
    file = scratch / "other.csv"
    short = b"table,method,run,seconds,test_error\ngrid,m,0,1,0.4\ngrid,m,0,2,0.3\n"

    def one(data: bytes) -> None:
        file.write_bytes(data)
        checked(lambda: with_trajectories(suite, [read_trajectories(file)]))

    return [short, (scratch / "csv" / "trajectory.csv").read_bytes()], one


def trajectories_json(scratch: Path) -> Target:
    suite = load_suite(results(scratch))
    file = scratch / "other.json"
    about = {"table": "grid", "method": "m", "run": 0, "runtime": [1, 2], "regret_test": [0.1, 0]}

    def one(data: bytes) -> None:
        file.write_bytes(data)
        checked(lambda: with_trajectories(suite, [read_trajectories(file)]))

    return [json.dumps(body).encode() for body in (about, {"trajectories": [about]})], one


def pickle_plain(scratch: Path) -> Target:
    def one(data: bytes) -> None:
        checked(lambda: read_pickle(io.BytesIO(data), "the file"))

    values: list[Any] = [{"a": [1, 2.5, (True, None)], 3: {"x"}}, [b"x" * 300, 2**40, "é" * 300]]
    return [pickle.dumps(value, protocol) for value in values for protocol in (2, 3, 4, 5)], one


def architectures() -> Iterator[bytes]:
    text = NasBench201().describe(7)
    states = {
        key: arch_state(7, text, {("cifar10-valid", 777): run_state("cifar10-valid", 777, n, text)})
        for key, n in (("12", 12), ("200", 12))
    }
    for state in states.values():
        for run in state["all_results"].values():
            for key in ("eval_acc1es", "train_acc1es", "eval_losses", "eval_times"):
                run[key] = dict(list(run[key].items())[-2:])
    yield pickle.dumps(whole_file([text], {7: states}), 4)
    yield pickle.dumps(whole_file([text], {7: states}), 2)


def nasbench201(scratch: Path) -> Target:
    def one(data: bytes) -> None:
        def read() -> None:
            taken = Runs("cifar10", "the file")
            read_all(io.BytesIO(data), "the file", taken, ("12", "200"))
            taken.table("t", "s", "l", "c", True)

        checked(read)

    return list(architectures()), one


def torch_file(scratch: Path) -> Target:
    file = scratch / "file.pth"

    def one(data: bytes) -> None:
        file.write_bytes(data)
        checked(lambda: import_pth(file, partial=True))

    return [torch_save({"arch2infos": {}, "meta_archs": []}, kind) for kind in (True, False)], one


def nasbench101_rows(scratch: Path) -> Target:
    """Lines are the rows; what is no UTF-8 in them stays."""
    space = NasBench101(3)
    evaluation = [(0.0, 0.0, 0.1, 0.1, 0.1), (2.0, 5.0, 0.5, 0.4, 0.4), (4.0, 9.0, 0.9, 0.8, 0.8)]
    given = model_metrics(evaluation, 1000)
    row = json.dumps(
        ["ab" * 16, 4, "010001000", "input,conv3x3-bn-relu,output", b64encode(given).decode()]
    ).encode()

    def one(data: bytes) -> None:
        def read() -> None:
            content = _Content(space, "the file", True)
            framed = frame(data.split(b"\n"))
            for batch in read_batches(io.BytesIO(framed), "the file"):
                content.add(batch)
            content.table("t", True, "")

        checked(read)

    return [row, row + b"\n" + row], one


def tfrecords(scratch: Path) -> Target:
    def one(data: bytes) -> None:
        def read() -> None:
            for batch in read_batches(io.BytesIO(data), "the file", 64):
                decode(batch.payloads, batch.place)

        checked(read)

    return [frame([b"a", b"bc" * 60]), struct.pack("<Q", 5)], one


def metrics(scratch: Path) -> Target:
    evaluation = [(0.0, 0.0, 0.1, 0.1, 0.1)] * 3

    def one(data: bytes) -> None:
        checked(lambda: decode([data], str))

    return [model_metrics(evaluation, 1000), model_metrics(evaluation, 5, b"path")], one


TARGETS: dict[str, Callable[[Path], Target]] = {
    target.__name__: target
    for target in (
        table_header,
        table_column,
        suite_toml,
        suite_json,
        run_json,
        trace,
        run_folder,
        sources_json,
        trajectories_csv,
        trajectories_json,
        pickle_plain,
        nasbench201,
        torch_file,
        nasbench101_rows,
        tfrecords,
        metrics,
    )
}
