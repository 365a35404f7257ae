"""The protocol buffer ``ModelMetrics`` of NAS-Bench-101, decoded many at a time.

Proto2 (google-research/nasbench, ``lib/model_metrics.proto``): ``ModelMetrics`` is repeated
``EvaluationData`` (1), ``trainable_parameters`` (2) and ``total_time`` (3); ``EvaluationData`` is
the doubles ``current_epoch`` (1), ``training_time`` (2), ``train_accuracy`` (3),
``validation_accuracy`` (4) and ``test_accuracy`` (5) and a checkpoint path (6). The three
evaluations are the start, the middle and the end of a training.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.sources.base import SourceError

Metrics = dict[str, NDArray[np.float64]]

NAMES = ("training_seconds", "train_accuracy", "validation_accuracy", "test_accuracy")
"""Fields 2 to 5 of an evaluation, as columns of a table."""

_EVALUATIONS = 3
# The usual message: three evaluations of five doubles each, the parameters as a varint of 3 or 4
# bytes, and the total time. Tags are (field number << 3 | wire type); a double is wire type 1.
_TAGS = tuple(number << 3 | 1 for number in range(1, 6))
_EVALUATION = np.dtype([("head", "u1", 2), ("fields", [("tag", "u1"), ("value", "<f8")], 5)])


def decode(messages: Sequence[bytes], place: Callable[[int], str]) -> Metrics:
    """The values at the end and in the middle (``halfway_…``) of many trainings, and their
    parameters.

    Parameters
    ----------
    messages
        Protocol buffers.
    place
        Where message i stands, for messages of errors.

    Returns
    -------
    dict
        Column name → shape ``[n]``; NaN where a field is not set.

    Raises
    ------
    SourceError
        At the first message that is no ``ModelMetrics`` with three evaluations.
    """
    values = np.empty((len(messages), _EVALUATIONS, 5))
    parameters = np.empty(len(messages))
    by_length: dict[int, list[int]] = {}
    for i, message in enumerate(messages):
        by_length.setdefault(len(message), []).append(i)
    rest: list[int] = []
    for length, members in by_length.items():
        digits = length - _EVALUATIONS * _EVALUATION.itemsize - 10
        if not 1 <= digits <= 5:
            rest += members
            continue
        layout = np.dtype(
            [
                ("e", _EVALUATION, 3),
                ("tag", "u1"),
                ("size", "u1", digits),
                ("last", "u1"),
                ("t", "<f8"),
            ]
        )
        found = np.frombuffer(b"".join([messages[i] for i in members]), dtype=layout)
        usual = (
            (found["e"]["head"] == (0x0A, _EVALUATION.itemsize - 2)).all(axis=(1, 2))
            & (found["e"]["fields"]["tag"] == _TAGS).all(axis=(1, 2))
            & (found["tag"] == 0x10)
            & (found["last"] == 0x19)
            & ((found["size"] >= 0x80) == (np.arange(digits) < digits - 1)).all(axis=1)
        )
        values[members] = found["e"]["fields"]["value"]
        parameters[members] = (found["size"] & 0x7F).astype(np.int64) @ (1 << 7 * np.arange(digits))
        rest += np.asarray(members)[~usual].tolist()
    for i in sorted(rest):
        try:
            values[i], parameters[i] = _decode_one(messages[i])
        except (ValueError, struct.error, IndexError) as error:
            raise SourceError(f"{place(i)} has metrics that cannot be decoded ({error})") from None
    columns = {name: values[:, 2, field] for field, name in enumerate(NAMES, start=1)}
    columns |= {f"halfway_{name}": values[:, 1, field] for field, name in enumerate(NAMES, start=1)}
    columns["parameters"] = parameters
    return columns


def _decode_one(message: bytes) -> tuple[NDArray[np.float64], int]:
    """Any valid encoding of one message: fields in any order, unknown ones passed over."""
    evaluations, parameters = [], 0
    for number, value in _fields(message):
        match number, value:
            case 1, bytes():
                evaluation = np.full(5, np.nan)
                for inner, content in _fields(value):
                    if 1 <= inner <= 5:
                        if not isinstance(content, float):
                            raise ValueError(f"field {inner} of an evaluation is no double")
                        evaluation[inner - 1] = content
                evaluations.append(evaluation)
            case 2, int():
                parameters = value
    if len(evaluations) != _EVALUATIONS:
        raise ValueError(f"{len(evaluations)} evaluations instead of {_EVALUATIONS}")
    if not 0 < parameters < 1 << 31:
        raise ValueError("no sensible number of trainable parameters")
    return np.array(evaluations), parameters


def _fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Number and value of every field: varints as int, doubles as float, all else as bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                number, at = _varint(message, at)
                yield key >> 3, number
            case 1:
                yield key >> 3, float(struct.unpack_from("<d", message, at)[0])
                at += 8
            case 2 | 5 as kind:
                size, at = _varint(message, at) if kind == 2 else (4, at)
                if at + size > len(message):
                    raise ValueError("a field is longer than its message")
                yield key >> 3, message[at : at + size]
                at += size
            case kind:
                raise ValueError(f"wire type {kind} is unknown")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is longer than 10 bytes")
