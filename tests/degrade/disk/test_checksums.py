from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.disk.checksums import combine_crc32, crc32, file_crc32, parts_crc32


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1))
def test_crc32_equals_zlib(data: bytes, start: int) -> None:
    assert crc32(data, start) == zlib.crc32(data, start)
    assert crc32(np.frombuffer(data, np.uint8).data) == zlib.crc32(data)


def test_file_crc32_is_of_what_is_left(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(600_001)
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert file_crc32(file) == zlib.crc32(data)
        assert file_crc32(file) == 0
        file.seek(299_999)
        assert file_crc32(file) == zlib.crc32(data[299_999:])


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_combine_crc32_is_of_both_together(first: bytes, second: bytes) -> None:
    found = combine_crc32(zlib.crc32(first), zlib.crc32(second), len(second))
    assert found == zlib.crc32(first + second)


@pytest.mark.parametrize(
    "parts",
    [[], [(0, 600_001)], [(0, 0), (7, 300_000), (300_007, 1), (400_000, 200_001)], [(600_001, 0)]],
)
def test_parts_crc32_is_of_the_whole_and_of_each_part(
    tmp_path: Path, parts: list[tuple[int, int]]
) -> None:
    data = np.random.default_rng(0).bytes(600_001)
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        whole, found = parts_crc32(file, parts)
    assert whole == zlib.crc32(data)
    assert found == [zlib.crc32(data[start : start + count]) for start, count in parts]


@pytest.mark.parametrize("parts", [[(3, 4), (6, 2)], [(8, 3)], [(11, 0)]])
def test_parts_crc32_refuses_parts_that_are_not_there(
    tmp_path: Path, parts: list[tuple[int, int]]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file, pytest.raises(ValueError, match=r"within|early"):
        parts_crc32(file, parts)
