"""CRC-32C and the framing of TFRecord files."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.tfrecord import MAX_RECORD, crc32c, frame, read_batches


def read(data: bytes, chunk: int = 1 << 24) -> list[bytes]:
    return [
        payload
        for batch in read_batches(BytesIO(data), "file", chunk)
        for payload in batch.payloads
    ]


def masked(data: bytes) -> int:
    """Rotated right by 15 bits, plus a constant (TensorFlow, ``lib/hash/crc32c.h``)."""
    crc = int(crc32c([data])[0])
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def test_crc32c_of_rfc_3720() -> None:
    # Appendix B.4, and the usual check value of the CRC catalogue.
    known = {
        bytes(32): 0x8A9136AA,
        b"\xff" * 32: 0x62A8AB43,
        bytes(range(32)): 0x46DD794E,
        bytes(range(31, -1, -1)): 0x113FDB5C,
        b"123456789": 0xE3069283,
        b"": 0,
    }
    assert crc32c(list(known)).tolist() == list(known.values())


def test_the_framing_is_that_of_tensorflow() -> None:
    # As tf.io.TFRecordWriter writes b"foo": length, masked CRC, payload, masked CRC.
    length = struct.pack("<Q", 3)
    assert frame([b"foo"]) == length + struct.pack("<I", masked(length)) + b"foo" + struct.pack(
        "<I", masked(b"foo")
    )


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 200))
@settings(deadline=None, max_examples=50)
def test_what_is_framed_is_read_back_whatever_the_chunks(payloads: list[bytes], chunk: int) -> None:
    assert read(frame(payloads), chunk) == payloads


def test_a_batch_knows_where_its_records_are() -> None:
    batches = list(read_batches(BytesIO(frame([b"a" * 10] * 5)), "file", chunk=60))
    assert [b.first for b in batches] == [0, 2, 4]
    assert batches[1].place(1) == "record 3 at byte 78"


def test_damage_is_named_with_record_and_byte() -> None:
    whole = frame([b"a" * 10] * 5)  # 26 bytes each
    with pytest.raises(
        SourceError, match="file is truncated: it ends inside record 4, which starts at byte 104"
    ):
        read(whole[:-1])
    with pytest.raises(SourceError, match="record 2 at byte 52 does not match its checksum"):
        read(whole[:70] + b"!" + whole[71:])
    with pytest.raises(
        SourceError, match="the length of record 1 at byte 26 does not match its checksum"
    ):
        read(whole[:26] + b"\x09" + whole[27:])
    with pytest.raises(SourceError, match="is no TFRecord file"):
        read(b"PK\3\4" + bytes(100))
    with pytest.raises(SourceError, match="claims 65537 bytes, far too many"):
        read(
            (length := struct.pack("<Q", MAX_RECORD + 1))
            + struct.pack("<I", masked(length))
            + b"a" * 70_000
        )


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_every_flipped_bit_is_found(data: st.DataObject) -> None:
    whole = bytearray(frame([b"some", b"records", b"of a file"]))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SourceError, match=r"^file"):
        read(bytes(whole), data.draw(st.integers(10, 100)))
