"""The protocol buffer of NAS-Bench-101, in its usual and in any other valid encoding."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.model_metrics import decode
from tests.tabular_data.sources.official_files import model_metrics, varint

EVALUATIONS = (
    (0.0, 0.0, 0.1, 0.11, 0.12),
    (54.0, 500.5, 0.8, 0.81, 0.82),
    (108.0, 1001.25, 0.99, 0.95, 0.94),
)


def decoded(message: bytes) -> dict[str, float]:
    return {
        name: float(values[0])
        for name, values in decode([message], lambda i: f"message {i}").items()
    }


EXPECTED = {
    "training_seconds": 1001.25,
    "train_accuracy": 0.99,
    "validation_accuracy": 0.95,
    "test_accuracy": 0.94,
    "halfway_training_seconds": 500.5,
    "halfway_train_accuracy": 0.8,
    "halfway_validation_accuracy": 0.81,
    "halfway_test_accuracy": 0.82,
}


@pytest.mark.parametrize("parameters", [1, 127, 128, 8_555_530, 49_979_274, (1 << 31) - 1])
@pytest.mark.parametrize("checkpoint", [None, b"", b"model.ckpt-123"])
def test_a_message_gives_its_middle_and_its_end(parameters: int, checkpoint: bytes | None) -> None:
    assert decoded(model_metrics(EVALUATIONS, parameters, checkpoint)) == {
        **EXPECTED,
        "parameters": parameters,
    }


def test_fields_may_come_in_any_order_and_unknown_ones_are_passed_over() -> None:
    usual = model_metrics(EVALUATIONS, 300)
    evaluations, rest = usual[: 3 * 47], usual[3 * 47 :]
    unknown = b"\x78\x01" + b"\x82\x01\x03abc" + b"\x8d\x01" + bytes(4)
    assert decoded(rest + unknown + evaluations) == {**EXPECTED, "parameters": 300}


def test_a_field_that_is_not_set_is_missing() -> None:
    inner = b"\x09" + struct.pack("<d", 108.0)
    message = (b"\x0a" + varint(len(inner)) + inner) * 3 + b"\x10\x05"
    assert np.isnan(decoded(message)["validation_accuracy"])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "0 evaluations instead of 3"),
        (model_metrics(EVALUATIONS[:2], 5), "2 evaluations instead of 3"),
        (model_metrics(EVALUATIONS, 5)[: 3 * 47], "no sensible number of trainable parameters"),
        (model_metrics(EVALUATIONS, 5)[:-1], "cannot be decoded"),
        (b"\x0a\xff\x01", "longer than its message"),
        (b"\x0b", "wire type 3 is unknown"),
        (b"\xff" * 11, "longer than 10 bytes"),
        (b"\x0a\x02\x08\x01" * 3, "is no double"),
    ],
)
def test_a_message_that_is_none_is_named(message: bytes, reason: str) -> None:
    good = model_metrics(EVALUATIONS, 5)
    with pytest.raises(
        SourceError, match=f"message 1 has metrics that cannot be decoded.*{reason}|{reason}"
    ):
        decode([good, message, good], lambda i: f"message {i}")


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_metrics_or_one_line(message: bytes) -> None:
    with suppress(SourceError):
        decode([message], lambda i: "here")
