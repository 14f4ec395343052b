from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from degrade.errors import InvalidValueError
from degrade.jpeg.compression import COMPRESSIBLE, compress_jpeg, recompressed
from degrade.jpeg.tables import JpegSettings, jpeg_settings, standard_tables
from tests.making import make_scene

PIXELS = np.rint(255 * make_scene("jpeg", 70, 91)).astype(np.uint8)


@pytest.mark.parametrize("subsampling", COMPRESSIBLE)
@pytest.mark.parametrize("quality", [5, 50, 75, 92, 100])
def test_compress_jpeg_writes_the_bytes_of_libjpeg(quality: int, subsampling: str) -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=quality, subsampling=subsampling)
    settings = jpeg_settings(file.getvalue())
    assert settings is not None
    assert compress_jpeg(PIXELS, settings) == file.getvalue()
    decoded = np.asarray(Image.open(io.BytesIO(file.getvalue())))
    assert np.array_equal(recompressed(PIXELS, settings), decoded)


def test_compress_jpeg_keeps_tables_of_any_camera() -> None:
    luma, chroma = tuple(range(2, 66)), tuple(range(130, 66, -1))
    settings = JpegSettings(luma, chroma, "4:2:2")
    assert jpeg_settings(compress_jpeg(PIXELS, settings)) == settings


def test_recompressed_again_changes_little() -> None:
    settings = JpegSettings(*standard_tables(80), "4:4:4")
    once = recompressed(PIXELS, settings)
    first = np.abs(once.astype(int) - PIXELS).mean()
    again = np.abs(recompressed(once, settings).astype(int) - once).mean()
    assert again < first / 4


@pytest.mark.parametrize(
    "settings",
    [
        JpegSettings(standard_tables(80)[0], None, "4:4:4"),
        JpegSettings(*standard_tables(80), "4:1:1"),
        JpegSettings((256,) * 64, (1,) * 64, "4:4:4"),
    ],
)
def test_compress_jpeg_refuses_what_the_encoder_does_not_make(settings: JpegSettings) -> None:
    with pytest.raises(InvalidValueError, match="cannot compress"):
        compress_jpeg(PIXELS, settings)
