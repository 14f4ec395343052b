from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degrade.errors import InputError
from degrade.images.image_io import decode_photo

PIXELS = np.random.default_rng(0).integers(0, 256, (23, 30, 3), dtype=np.uint8)


def _saved(mode: str, format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
@pytest.mark.parametrize("format", ["BMP", "DIB"])
def test_decode_bmp_reads_files_with_and_without_a_file_header(mode: str, format: str) -> None:
    photo = decode_photo(_saved(mode, format), Path("a.dib"))
    wanted = np.asarray(Image.fromarray(PIXELS).convert(mode).convert("RGB"))
    assert np.array_equal(photo.pixels, wanted)


def test_decode_bmp_reads_dib_from_the_top_down() -> None:
    upside = bytearray(_saved("RGB", "DIB"))
    upside[8:12] = struct.pack("<i", -23)
    photo = decode_photo(bytes(upside), Path("a.dib"))
    assert np.array_equal(photo.pixels, PIXELS[::-1])


@pytest.mark.parametrize("end", [30, 45, 400, -1])
@pytest.mark.parametrize("format", ["BMP", "DIB"])
def test_decode_bmp_refuses_what_was_cut(format: str, end: int) -> None:
    with pytest.raises(InputError, match=r"a\.dib: "):
        decode_photo(_saved("RGB", format)[:end], Path("a.dib"))
