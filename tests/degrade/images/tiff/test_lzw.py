from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from degrade.images.tiff.lzw import unpack_lzw


def unpacked(segment: bytes, room: int) -> tuple[int, bytes]:
    out = np.zeros(room, np.uint8)
    count = unpack_lzw(segment, out)
    return count, out.tobytes()


@given(st.binary(max_size=2000), st.integers(1, 40))
@example(b"", 1)
@example(b"\0", 40_000)  # a code that stands for the entry that it makes
def test_unpack_lzw_gives_back_what_was_packed(data: bytes, times: int) -> None:
    data *= times
    count, out = unpacked(bytes(imagecodecs.lzw_encode(data)), len(data))
    assert (count, out) == (len(data), data)


def test_unpack_lzw_gives_back_tables_that_were_filled_many_times() -> None:
    data = np.random.default_rng(0).integers(0, 256, 50_000, np.uint8).tobytes()
    assert unpacked(bytes(imagecodecs.lzw_encode(data)), len(data)) == (len(data), data)


def test_unpack_lzw_tells_that_there_is_more_than_fits() -> None:
    packed = bytes(imagecodecs.lzw_encode(bytes(range(200))))
    assert unpacked(packed, 150)[0] > 150
    assert unpacked(packed, 300)[0] == 200


def codes(*numbers: int) -> bytes:
    """Return codes of 9 bits."""
    bits = "".join(f"{number:09b}" for number in numbers)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"\x80",
        codes(65, 66, 257),
        codes(256, 258, 257),  # the decoder alone reads memory that nobody wrote
        codes(256, 300, 257),
        codes(256, 65, 66, 260, 257),
        codes(256, 65, 256, 258, 257),
        codes(256, 65, 66, 67, 68, 256, 65, 261, 257),
    ],
)
def test_unpack_lzw_refuses_codes_that_stand_for_nothing(segment: bytes) -> None:
    with pytest.raises(ValueError, match=r"stands for nothing|does not begin"):
        unpacked(segment, 100)


def test_unpack_lzw_reads_on_when_the_table_is_full() -> None:
    """As old writers did: 200 codes more than a table has entries, none of them cleared."""
    data = np.random.default_rng(0).integers(0, 256, 3938 + 100, np.uint8).tobytes()
    packed = bytearray(imagecodecs.lzw_encode(data[:3800]))
    count, out = unpacked(bytes(packed), 3800)
    assert (count, out) == (3800, data[:3800])
    with pytest.raises(RuntimeError):  # far more, which no writer does
        unpacked(codes(256) + bytes(20_000), 20_000)


@given(st.binary(max_size=300), st.booleans(), st.integers(0, 5000))
def test_unpack_lzw_survives_any_bytes(segment: bytes, old: bool, room: int) -> None:
    segment = (b"\x00\x01" if old else b"\x80") + segment
    try:
        count, out = unpacked(segment, room)
    except (ValueError, RuntimeError):
        return
    assert not any(out[count:])
