from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.errors import DegradeError, InvalidValueError
from degrade.images.decoding.png import decode_faster
from degrade.images.image_header import read_header
from degrade.images.image_io import IMAGE_SUFFIXES, decode_photo, encode_png

pytest.importorskip("kornia_rs", reason="the extra `fast` (kornia-rs) is not installed")


def _by_opencv(data: bytes) -> np.ndarray | None:
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _png(height: int = 60, width: int = 41) -> bytes:
    return encode_png(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_decode_faster_is_used_for_plain_pngs_and_equals_opencv() -> None:
    data = _png()
    pixels = decode_faster(data, read_header(data))
    assert pixels is not None
    np.testing.assert_array_equal(pixels, _by_opencv(data))


def test_decode_faster_leaves_other_files_to_opencv() -> None:
    rng = np.random.default_rng(0)
    for shape, dtype, ending in (
        ((8, 9), np.uint8, ".png"),
        ((8, 9, 4), np.uint8, ".png"),
        ((8, 9, 3), np.uint16, ".png"),
        ((8, 9, 3), np.uint8, ".jpg"),
        ((8, 9, 3), np.uint8, ".bmp"),
    ):
        _, data = cv2.imencode(ending, rng.integers(0, 200, shape, dtype))
        assert decode_faster(data.tobytes(), read_header(data.tobytes())) is None


def test_decode_faster_gives_opencvs_pixels_for_every_research_image(shared_data: Path) -> None:
    found = 0
    for path in sorted(shared_data.rglob("*")):
        if path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
            continue
        data = path.read_bytes()
        try:
            header = read_header(data)
        except InvalidValueError:
            continue
        if header.width * header.height > 2**24:
            continue
        pixels = decode_faster(data, header)
        if pixels is not None:
            found += 1
            np.testing.assert_array_equal(pixels, _by_opencv(data), err_msg=path.name)
    assert found > 10


def test_decode_faster_never_sees_more_than_opencv_in_damaged_files() -> None:
    """Bytes changed, cut and inserted: whatever it decodes, OpenCV decodes the same."""
    rng = np.random.default_rng(1)
    whole = _png(24, 30)
    decoded = 0
    for _ in range(600):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(256)
        if rng.random() < 0.2:
            del data[int(rng.integers(len(data))) :]
        try:
            header = read_header(bytes(data))
            if header.width * header.height > 2**20:
                continue
            pixels = decode_faster(bytes(data), header)
            photo = decode_photo(bytes(data), Path("x.png"))
        except DegradeError:
            continue
        if pixels is not None:
            decoded += 1
            np.testing.assert_array_equal(photo.pixels, _by_opencv(bytes(data)))
    assert decoded < 600
