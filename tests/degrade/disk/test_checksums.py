from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from degrade.disk.checksums import crc32


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1))
def test_crc32_equals_zlib(data: bytes, start: int) -> None:
    assert crc32(data, start) == zlib.crc32(data, start)
    assert crc32(np.frombuffer(data, np.uint8).data) == zlib.crc32(data)
