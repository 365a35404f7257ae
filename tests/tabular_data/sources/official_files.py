"""Writes what the benchmarks' authors published, in their formats, to test the importers."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from regretta.tabular_data.sources.tfrecord import frame
from regretta.tabular_data.spaces.nasbench101_graph import Cell

Evaluation = Sequence[float]
"""Epoch, training seconds, accuracy on training, validation and test data."""


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def model_metrics(
    evaluations: Sequence[Evaluation], parameters: int, checkpoint: bytes | None = None
) -> bytes:
    """A ``ModelMetrics`` message; a checkpoint path, if any, goes into every evaluation."""
    message = b""
    for evaluation in evaluations:
        inner = b"".join(
            bytes([number << 3 | 1]) + struct.pack("<d", v)
            for number, v in enumerate(evaluation, 1)
        )
        if checkpoint is not None:
            inner += b"\x32" + varint(len(checkpoint)) + checkpoint
        message += b"\x0a" + varint(len(inner)) + inner
    return (
        message
        + b"\x10"
        + varint(parameters)
        + b"\x19"
        + struct.pack("<d", sum(e[1] for e in evaluations))
    )


def row(module_hash: str, epochs: int, matrix: str, operations: str, metrics: bytes) -> bytes:
    """One row of a NAS-Bench-101 file, before framing."""
    return json.dumps(
        [module_hash, epochs, matrix, operations, b64encode(metrics).decode()]
    ).encode()


def cell_row(cell: Cell, epochs: int, metrics: bytes) -> bytes:
    matrix = "".join(str(bit) for bit in cell.matrix.ravel())
    return row(
        cell.module_hash(), epochs, matrix, ",".join(["input", *cell.operations, "output"]), metrics
    )


def full_scale_rows(
    tables: Path, budgets: Sequence[int] = (4, 12, 36, 108)
) -> Iterator[list[bytes]]:
    """All rows of a NAS-Bench-101 file from the shared tables, in the official order, a few
    thousand at a time.

    Middle and start values are made up from the final ones; they only have to have the right size.
    """
    core = np.load(tables / "nb101" / "core.npz")
    hashes = np.load(tables / "nb101" / "hash16.npy")
    known = np.load(tables / "nb101" / "reconstruction.npz")
    vertices, bits, ops, parameters = (
        core[key] for key in ("n_vertices", "adj_bits", "ops", "params")
    )
    accuracy = {key: known[f"{key}_count"] / 9984 for key in ("val", "test")}
    seconds = known["time"].astype(float)
    labels = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    triangle = np.triu_indices(7, 1)
    head = '["%s", %d, "%s", "%s", "%s"]'
    one = struct.Struct("<BB" + "Bd" * 5)
    for begin in range(0, len(bits), 5000):
        rows = []
        for i in range(begin, min(begin + 5000, len(bits))):
            matrix = np.zeros((7, 7), dtype=np.uint8)
            matrix[triangle] = bits[i] >> np.arange(21) & 1
            n = int(vertices[i])
            text = "".join(map(str, matrix[:n, :n].ravel().tolist()))
            operations = ",".join(
                ["input", *(labels[op] for op in ops[i, : n - 2].tolist()), "output"]
            )
            module_hash = hashes[i].tobytes().hex()
            size = b"\x10" + varint(int(parameters[i])) + b"\x19"
            for budget in budgets:
                level = (4, 12, 36, 108).index(budget)
                for repeat in range(3):
                    val, test = (
                        float(accuracy["val"][i, level, repeat]),
                        float(accuracy["test"][i, level, repeat]),
                    )
                    time = float(seconds[i, level, repeat])
                    message = (
                        one.pack(10, 45, 9, 0.0, 17, 0.0, 25, 0.1, 33, 0.1, 41, 0.1)
                        + one.pack(
                            10,
                            45,
                            9,
                            budget / 2,
                            17,
                            time / 2,
                            25,
                            val,
                            33,
                            val * 0.9,
                            41,
                            test * 0.9,
                        )
                        + one.pack(
                            10, 45, 9, float(budget), 17, time, 25, (1 + val) / 2, 33, val, 41, test
                        )
                        + size
                        + struct.pack("<d", time * 1.1)
                    )
                    rows.append(
                        (
                            head
                            % (module_hash, budget, text, operations, b64encode(message).decode())
                        ).encode()
                    )
        yield rows


def write_full_scale(tables: Path, file: Path, budgets: Sequence[int] = (4, 12, 36, 108)) -> None:
    """A whole NAS-Bench-101 file, from the shared tables."""
    with file.open("wb") as out:
        for rows in full_scale_rows(tables, budgets):
            out.write(frame(rows))


SPLITS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def run_state(
    dataset: str, seed: int, epochs: int, text: str, timed: bool = True
) -> dict[str, Any]:
    """One run as NAS-Bench-201 records it.

    Split k has an accuracy of 50 + k + epoch / 10 + seed / 1000 per cent.
    """
    keys = {
        f"{split}@{e}": (k, e) for k, split in enumerate(SPLITS[dataset]) for e in range(epochs)
    }
    accuracies = {key: 50 + k + e / 10 + seed / 1000 for key, (k, e) in keys.items()}
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {epoch: 60.0 + epoch / 10 for epoch in range(epochs)},
        "train_acc5es": None,
        "train_losses": dict.fromkeys(range(epochs), 1.0),
        "train_times": OrderedDict((epoch, 2.0) for epoch in range(epochs)) if timed else None,
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": 10},
        "params": np.float64(0.1),
        "flop": 15.0,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(0.01), np.float64(0.03)],
        "eval_names": list(SPLITS[dataset]),
        "eval_acc1es": accuracies,
        "eval_times": dict.fromkeys(keys, 0.5) if timed else {},
        "eval_losses": dict.fromkeys(keys, 1.0),
    }


def arch_state(
    index: int, text: str, runs: dict[tuple[str, int], dict[str, Any]]
) -> dict[str, Any]:
    """The state of an ``ArchResults`` with these runs."""
    seeds: dict[str, list[int]] = {}
    for dataset, seed in runs:
        seeds.setdefault(dataset, []).append(seed)
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": runs,
        "dataset_seed": seeds,
        "clear_net_done": True,
    }


def whole_file(archs: Sequence[str], infos: dict[int, Any]) -> dict[str, Any]:
    """What the single files hold."""
    return {
        "meta_archs": list(archs),
        "total_archs": len(archs),
        "arch2infos": infos,
        "evaluated_indexes": set(infos),
    }


def torch_save(value: Any, archive: bool) -> bytes:
    """The bytes ``torch.save`` makes of a value without tensors, in its ZIP or its older format."""
    if not archive:
        info = {
            "protocol_version": 1001,
            "little_endian": True,
            "type_sizes": {"short": 2, "int": 4, "long": 4},
        }
        parts = (0x1950A86A20F9469CFC6C, 1001, info, value, [])
        return b"".join(pickle.dumps(part, protocol=2) for part in parts)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as entries:
        entries.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        entries.writestr("archive/version", "3\n")
    return out.getvalue()
