"""A published file may be anybody's: each is a table, or is refused in one line with little memory.

Some of these files have sixty bytes and ask for gigabytes.
"""

from __future__ import annotations

import bz2
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regretta.tabular_data.sources.tfrecord import crc32c, frame, masked
from regretta.tabular_data.spaces import NasBench201
from tests.hostile import MOST_MEMORY, refused
from tests.tabular_data.sources.official_files import arch_state, run_state, whole_file

ARCHS = [NasBench201().describe(row) for row in range(NasBench201().n_cells)]

START = b"\x80\x04"
DOUBLED = b"".join(b"\x94h%c\x86" % k for k in range(60))
"""Sixty pairs of a pair with itself, begun from the value on the stack."""
TEXT = b"X" + struct.pack("<I", 60_000) + b"a" * 60_000
NUMBERS = b"(" + b"".join(b"M" + struct.pack("<H", i) for i in range(30_000))

PICKLES: dict[str, bytes] = {
    "stack": START + b"N" * 6_000_000,
    "marks": START + b"(" * 6_000_000,
    "memory": START + b"N" + b"\x94" * 6_000_000,
    "places": START + b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(1_000_000)),
    "lists": START + b"]" * 6_000_000,
    "dictionaries": START + b"}0" * 3_000_000,
    "sets": START + b"\x8f" * 6_000_000,
    "texts": START + b"\x8c\x02ab" * 1_500_000,
    "keys": START + b"}(" + b"".join(b"J" + struct.pack("<i", i) + b"N" for i in range(1_000_000)),
    "nested": START + b"]" * 150_000 + b"a" * 149_999 + b".",
    "sets of a list": START + b"]" + NUMBERS + b"e\x94" + b"cbuiltins\nset\n\x94"
    + b"h\x01h\x00\x85R" * 100_000,
    "dictionaries of a list": START + b"]" + b"](K\x01K\x02ea" * 9000 + b"\x94"
    + b"ccollections\nOrderedDict\n\x94" + b"h\x01h\x00\x85R" * 100_000,
    "coded texts": START + TEXT + b"\x94\x8c\x06latin1\x94c_codecs\nencode\n\x94"
    + b"h\x02h\x00h\x01\x86R" * 100_000,
    "doubled key": START + b"}N" + DOUBLED + b"Ns.",
    "doubled member": START + b"\x8f(N" + DOUBLED + b"\x90.",
    "deep key": START + b"}N" + b"\x85" * 100_000 + b"Ns.",
    "doubled global": START + b"N" + DOUBLED + b"\x8c\x01a\x93.",
    "doubled text to code": START + b"c_codecs\nencode\nN" + DOUBLED + b"N" + DOUBLED + b"\x86R.",
    "byte order": START + b"cnumpy\ndtype\n\x8c\x02f8\x85RNN" + DOUBLED + b"N\x87b.",
    "holds itself": START + b"]\x94h\x00a.",
    "long bytes": START + b"\x8e" + struct.pack("<Q", 1 << 60),
    "long text": START + b"X" + struct.pack("<I", 0xFFFF_FFFF),
    "long number": START + b"\x8b" + struct.pack("<i", 0x7FFF_FFFF),
    "long array": START + b"\x96" + struct.pack("<Q", 1 << 40),
    "followed": START + b"}." + START + b"}.",
    "nothing": b"",
}  # fmt: skip


def with_run(**changes: Any) -> bytes:
    """The pickle of one architecture of which a run has odd values."""
    run = run_state("cifar10-valid", 777, 12, ARCHS[0]) | changes
    states = {e: arch_state(0, ARCHS[0], {("cifar10-valid", 777): run}) for e in ("12", "200")}
    return pickle.dumps(whole_file(ARCHS, {0: states}), protocol=4)


def doubled() -> list[Any]:
    value: list[Any] = [None]
    for _ in range(60):
        value = [value, value]
    return value


ODD = {
    "epochs": with_run(epochs=doubled()),
    "accuracies": with_run(eval_acc1es={"x-valid@11": doubled()}),
    "parameters": with_run(params=doubled()),
    "latency": with_run(latency=doubled()),
    "times": with_run(train_times=doubled()),
    "string": pickle.dumps(
        whole_file(ARCHS, {0: {e: arch_state(0, doubled(), {}) for e in ("12", "200")}}),  # type: ignore[arg-type]
        protocol=4,
    ),
    "size search space": pickle.dumps(
        whole_file(ARCHS, {0: {e: arch_state(0, "8:16:24:32:40", {}) for e in ("12", "200")}}),
        protocol=4,
    ),
}


def test_a_hostile_pickle_is_refused_before_it_fills_memory_or_time(tmp_path: Path) -> None:
    files = []
    for number, (name, data) in enumerate({**PICKLES, **ODD}.items()):
        for packed, form in ((bz2.compress(data, 1), "nats-bench"), (torch(data), "nasbench201")):
            file = tmp_path / f"{number}-{name.replace(' ', '-')}-{form}"
            file.write_bytes(packed)
            files.append((form, file))
    legacy = tmp_path / "legacy.pth"
    legacy.write_bytes(b"\x80\x02" + PICKLES["sets"][2:])
    files.append(("nasbench201", legacy))
    found = refused([("table", "import", form, file, "--partial") for form, file in files])
    assert found.peak < MOST_MEMORY
    assert sum("size search space (NATS-sss)" in line for line in found.said) == 1


def torch(data: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive as ``torch.save`` makes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("archive/data.pkl", data)
    return file.getvalue()


def many_entries() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    data = file.getvalue()
    start = data.index(b"PK\1\2")
    entry = data[start : data.index(b"PK\5\6")]
    copies = entry * (20_000_000 // len(entry))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(copies), start, 0)
    return data[:start] + copies + end


def test_an_archive_that_swells_is_refused_in_proportion(tmp_path: Path) -> None:
    megabyte = bz2.compress(b"N0" * 500_000)
    zeros = bz2.compress(bytes(9_000_000))
    one = bz2.compress(pickle.dumps(whole_file(ARCHS, {})))
    files: dict[str, tuple[str, bytes]] = {
        "nothing, for ever": ("nats-bench", megabyte * 2000),
        "zeros": ("nats-bench", zeros * 1000),
        "zeros after the end": ("nats-bench", one + zeros * 1000),
        "deflated": ("nasbench201", torch(START + b"N0" * 30_000_000, zipfile.ZIP_DEFLATED)),
        "another packing": ("nasbench201", torch(bytes(1000), zipfile.ZIP_LZMA)),
        "list of entries": ("nasbench201", many_entries()),
    }
    for name, (_, data) in files.items():
        (tmp_path / name).write_bytes(data)
    found = refused(
        [
            ("table", "import", form, tmp_path / name, "--partial")
            for name, (form, _) in files.items()
        ]
    )
    assert found.peak < MOST_MEMORY


def folder_with(name: str, data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        meta = bz2.compress(pickle.dumps(whole_file(ARCHS, {})))
        (path / "meta.pickle.pbz2").write_bytes(meta)
        (path / name).write_bytes(data)

    return make


def test_a_folder_is_bounded_file_by_file(tmp_path: Path) -> None:
    sets = bz2.compress(PICKLES["sets"])
    makers = [folder_with("meta.pickle.pbz2", sets), folder_with("000000.pickle.pbz2", sets)]
    for number, make in enumerate(makers):
        make(tmp_path / str(number))
    commands = [("table", "import", "nats-bench", tmp_path / str(n), "--partial") for n in (0, 1)]
    assert refused(commands).peak < MOST_MEMORY


def test_tfrecords_are_bounded(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 62)
    nested = b"[" * 60_000
    files = {
        "empty records": frame([b""]) * 2_000_000,
        "one of any length": length + masked(crc32c([length])).tobytes(),
        "nested": frame([nested] * 20),
        "digits": frame([b"[" + b"9" * 60_000 + b"]"]),
        "zeros": bytes(30_000_000),
        "lists": frame([b"[" + b"[]," * 20_000 + b"[]]"] * 200),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    commands = [("table", "import", "nasbench101", tmp_path / name) for name in files]
    assert refused(commands).peak < MOST_MEMORY


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("NATS-tss-v1_0-3ffb9-simple/meta.pickle.pbz2"))
    return file.getvalue()


WRONG = {
    "a tar archive; unpack it": tar(),
    "a gzip file; unpack it": b"\x1f\x8b\x08" + bytes(50),
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
    "a web page, not the file": b"<!DOCTYPE html>\n<html><title>Sign in</title></html>",
    "empty; get the file again": b"",
    "nothing but zeros": bytes(4096),
    "a picture": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("form", ["nasbench101", "nats-bench", "nasbench201"])
def test_a_wrong_file_is_called_what_it_is(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from regretta.cli import main

    for said, data in WRONG.items():
        (tmp_path / "file").write_bytes(data)
        assert main(["table", "import", form, str(tmp_path / "file")]) == 2
        line = capsys.readouterr().err
        assert said in line
        assert "damaged" not in line
        assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("form", "data", "other"),
    [
        ("nats-bench", frame([b"[]"]), "nasbench101"),
        ("nasbench201", frame([b"[]"]), "nasbench101"),
        ("nasbench101", bz2.compress(b"\x80\x04N."), "nats-bench"),
        ("nasbench201", bz2.compress(b"\x80\x04N."), "nats-bench"),
        ("nasbench101", torch(b"\x80\x02N."), "nasbench201"),
        ("nats-bench", torch(b"\x80\x02N."), "nasbench201"),
    ],
)
def test_another_benchmarks_file_is_told_by_the_format_that_reads_it(
    form: str, data: bytes, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from regretta.cli import main

    (tmp_path / "file").write_bytes(data)
    assert main(["table", "import", form, str(tmp_path / "file")]) == 2
    assert f"it may be of format {other}" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["nasbench101", "nasbench201"])
def test_a_folder_in_place_of_a_file_is_said(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from regretta.cli import main

    assert main(["table", "import", form, str(tmp_path)]) == 2
    assert "it is a folder; give the file" in capsys.readouterr().err
