from __future__ import annotations

import random

import numpy as np
import pytest

from degrade.compiled.jpeg_walk import ScanPart, walk_details, walk_means

MEAN = bytes([0, 2, 1, *([0] * 13), 0, 5, 12])
"""Two codes of 2 bits, 00 and 01, for means of 0 and 5 bits; one of 3 bits, 100, for 12 bits."""

DETAIL = bytes([0, 3, 1, *([0] * 12), 1, 0x00, 0xF0, 0xE1, 0x0A, 0x35])
"""00 ends a block, 01 skips 16, 10 skips 14 and has a number of one bit, 110 a number of 10 bits;
a code of 16 bits skips 3 and has a number of 5 bits."""

STEPS = tuple(range(1, 65))


def _data(bits: str) -> bytes:
    plain = bits.replace(" ", "")
    filled = plain + "1" * (-len(plain) % 8)
    whole = bytes(int(filled[i : i + 8], 2) for i in range(0, len(filled), 8))
    return whole.replace(b"\xff", b"\xff\x00") + b"\xff\xd9"


def _found(bits: str, *, units: int = 1, restart: int = 0, data: bytes | None = None) -> str | None:
    part = ScanPart(1, MEAN, DETAIL, STEPS)
    return walk_means(memoryview(data or _data(bits)), [part], units, restart)


def test_walk_means_lets_blocks_pass_that_end_within_their_64() -> None:
    # 16 + 16 + 16 zeros lead to coefficient 49; 14 more and a number fill the block.
    assert not _found("00 01 01 01 10 1 00")
    assert not _found("00 01 01 01 00 01 10101 00", units=2)


def test_walk_means_finds_a_run_out_of_its_block() -> None:
    assert "leads out" in _found("00 01 01 01 01")
    assert "leads out" in _found("00 01 01 10 1 10 1 10 1")


def test_walk_means_finds_means_that_add_up() -> None:
    # +31 each time: steps of 1, so 41 of them are within 1280, a forty-second is not.
    assert not _found("01 11111 00" * 41, units=41)
    assert "too large" in _found("01 11111 00" * 42, units=42)
    # -31 each time: black is at -1024.
    assert not _found("01 00000 00" * 33, units=33)
    assert "too large" in _found("01 00000 00" * 34, units=34)


def test_walk_means_begins_anew_at_restart_markers() -> None:
    half = _data("01 11111 00" * 40)[:-2]
    data = half + b"\xff\xd0" + half + b"\xff\xd9"
    assert not _found("", units=80, restart=40, data=data)


@pytest.mark.parametrize("value", [602, -602])
def test_walk_means_finds_a_detail_that_8_bits_cannot_have(value: int) -> None:
    # The first AC coefficient has steps of 2: 602 of them are the most, up or down.
    beyond = value + (1 if value > 0 else -1)
    assert not _found(f"00 110 {_written(value)} 00")
    assert "too large" in _found(f"00 110 {_written(beyond)} 00")


def _written(value: int) -> str:
    return f"{value if value > 0 else value + 1023:010b}"


def test_walk_means_reads_long_codes() -> None:
    long = "1110000000000000 10000"
    # Three zeros and a number, sixteen times: 64 coefficients, and the mean is one of them.
    assert not _found("00" + long * 15 + "00")
    assert "leads out" in _found("00" + long * 16)


@pytest.mark.parametrize("bits", ["11", "00 1111", "00 110 10", ""])
def test_walk_means_leaves_to_the_decoder_what_it_complains_of(bits: str) -> None:
    assert not _found(bits, units=3)


def test_walk_means_survives_any_tables_and_data() -> None:
    chance = random.Random(0)
    for _ in range(3000):
        tables = [chance.randbytes(chance.randrange(300)) for _ in range(2)]
        parts = [ScanPart(chance.randrange(1, 5), *tables, STEPS)] * chance.randrange(1, 6)
        data = chance.randbytes(chance.randrange(1, 60))
        walk_means(memoryview(data), parts, 50, chance.randrange(3))
        seen = np.zeros(40, np.uint64)
        for is_further in (False, True):
            first = chance.randrange(1, 64)
            walk_details(
                memoryview(data),
                tables[0],
                STEPS,
                seen,
                chance.randrange(3),
                first=first,
                last=chance.randrange(first, 64),
                low=chance.randrange(14),
                is_further=is_further,
            )


def _details(bits: str, seen: list[int], *, further: bool = False) -> tuple[str | None, list[int]]:
    """Walk coefficients 1…5; two codes of 2 bits end a block and skip 16, as in ``DETAIL``."""
    table = bytes([0, 2, 3, *([0] * 13), 0x00, 0xF0, 0x01, 0x41, 0x10])
    blocks = np.array(seen, np.uint64)
    coded = memoryview(_data(bits))
    fault = walk_details(coded, table, STEPS, blocks, 0, first=1, last=5, low=0, is_further=further)
    return fault, blocks.tolist()


def test_walk_details_notes_what_is_not_zero() -> None:
    # 100 1: the next is 1. 101 0: behind four zeros comes -1. 00: the block ends.
    assert _details("100 1 100 1 00 101 0", [0, 0]) == ("", [0b110, 0b100000])


def test_walk_details_finds_runs_out_of_block_and_picture() -> None:
    assert "leads out of its block" in (_details("100 1 101 0", [0])[0] or "")
    assert "leads out of its block" in (_details("01", [0])[0] or "")
    # 110 1: this block and two more are empty.
    assert _details("110 1", [0, 0, 0]) == ("", [0, 0, 0])
    assert "leads out of the picture" in (_details("110 1", [0, 0])[0] or "")


def test_walk_details_reads_a_bit_for_each_coefficient_that_was_seen() -> None:
    # Seen are 1 and 3. A new one behind no zero, 2; bits of 1 before it, of 3 after it.
    assert _details("100 1 0 00 1 00", [0b1010, 0], further=True) == ("", [0b1110, 0])
    # Four zeros and a new one: there are three zeros.
    fault, _ = _details("101 1 0 1", [0b1010], further=True)
    assert "leads out of its block" in (fault or "")
