from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from degrade.disk.checksums import crc32, file_crc32


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
