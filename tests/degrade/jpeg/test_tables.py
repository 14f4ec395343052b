from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from degrade.errors import InvalidValueError
from degrade.jpeg.tables import JpegSettings, jpeg_settings, quality_of, standard_tables

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


def _saved(mode: str = "RGB", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, "JPEG", **settings)
    return file.getvalue()


def _settings(data: bytes) -> JpegSettings:
    found = jpeg_settings(data)
    assert found is not None
    return found


@pytest.mark.parametrize("quality", [1, 2, 24, 25, 49, 50, 51, 75, 87, 95, 99, 100])
def test_standard_tables_are_those_that_libjpeg_writes(quality: int) -> None:
    found = _settings(_saved(quality=quality))
    assert (found.luma, found.chroma) == standard_tables(quality)
    assert quality_of(found) == quality
    encoded = cv2.imencode(".jpg", PIXELS, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    assert quality_of(_settings(encoded.tobytes())) == quality


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_settings_reads_the_subsampling(subsampling: str, progressive: bool) -> None:
    data = _saved(subsampling=subsampling, progressive=progressive)
    assert _settings(data).subsampling == subsampling


@pytest.mark.parametrize(
    ("factor", "subsampling"),
    [
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440, "4:4:0"),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, "4:1:1"),
    ],
)
def test_jpeg_settings_reads_rare_subsamplings(factor: int, subsampling: str) -> None:
    encoded = cv2.imencode(".jpg", PIXELS, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])[1]
    assert _settings(encoded.tobytes()).subsampling == subsampling


def test_jpeg_settings_reads_tables_that_are_no_quality() -> None:
    luma, chroma = [*range(1, 65)], [*range(64, 0, -1)]
    found = _settings(_saved(qtables=[luma, chroma]))
    assert (found.luma, found.chroma) == (tuple(luma), tuple(chroma))
    assert quality_of(found) is None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_settings_of_files_without_chroma(mode: str) -> None:
    found = _settings(_saved(mode, quality=80))
    assert found.chroma is None and found.luma == standard_tables(80)[0]
    assert quality_of(found) == 80


def test_jpeg_settings_of_an_rgb_file_has_no_chroma() -> None:
    assert _settings(_saved(quality=80, keep_rgb=True)).chroma is None


def test_jpeg_settings_of_other_files_is_none() -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    assert jpeg_settings(file.getvalue()) is None and jpeg_settings(b"") is None


@given(st.data())
def test_jpeg_settings_of_damaged_files_is_none_or_settings(data: st.DataObject) -> None:
    bytes_ = bytearray(_saved(quality=60))
    for _ in range(data.draw(st.integers(0, 8))):
        bytes_[data.draw(st.integers(3, 400))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(bytes_)))
    found = jpeg_settings(bytes(bytes_[:end]))
    assert found is None or min(found.luma) >= 1


@pytest.mark.parametrize("quality", [0, 101])
def test_standard_tables_refuses_other_qualities(quality: int) -> None:
    with pytest.raises(InvalidValueError, match=r"quality must be in 1…100"):
        standard_tables(quality)
