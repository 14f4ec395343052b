from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.errors import InputError
from degrade.images.image_io import decode_photo

NAME = Path("photo.pnm")


@pytest.mark.parametrize("white", [1, 15, 100, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("binary", [True, False])
def test_decode_pnm_brings_white_to_the_end_of_the_range(
    white: int, channels: int, binary: bool
) -> None:
    samples = np.random.default_rng(white).integers(0, white + 1, (6, 7, channels))
    kind = (2 if channels == 1 else 3) + (3 if binary else 0)
    body = samples.astype(">u2" if white > 255 else np.uint8).tobytes()
    if not binary:
        body = b"# a comment\n" + " ".join(map(str, samples.ravel())).encode()
    photo = decode_photo(b"P%d\n7 6\n%d\n" % (kind, white) + body, NAME)
    peak = 255 if white < 256 else 65535
    expected = np.floor(samples * peak / white + 0.5)
    assert photo.pixels.dtype == (np.uint8 if white < 256 else np.uint16)
    np.testing.assert_array_equal(photo.pixels, np.broadcast_to(expected, (6, 7, 3)))
    assert photo.notes == (("gray",) if channels == 1 else ())


@pytest.mark.parametrize("width", [1, 7, 8, 9, 40])
def test_decode_pnm_reads_bitmaps(width: int) -> None:
    black = np.random.default_rng(width).integers(0, 2, (4, width), dtype=np.uint8)
    packed = b"P4 %d 4\n" % width + np.packbits(black, axis=1).tobytes()
    spaced = b"P1 %d 4\n" % width + b"\n".join(b" ".join(b"%d" % v for v in r) for r in black)
    joined = b"P1 %d 4\n" % width + b"".join(b"%d" % v for v in black.ravel())
    for data in (packed, spaced, joined):
        np.testing.assert_array_equal(decode_photo(data, NAME).pixels[..., 0], 255 * (1 - black))


@pytest.mark.parametrize(
    "data",
    [b"P5 3 2 255\n12345", b"P6 3 2 255\n" + bytes(17), b"P5 3 2 1000\n" + bytes(11),
     b"P2 3 2 255\n1 2 3 4 5", b"P2 3 2 255\n1 2 3 4 5 x", b"P1 3 2\n01010", b"P4 9 2\nabc",
     b"P2 3 2 255\n1 2 3 4 5 256", b"P5 3 2 100\n" + bytes([0, 1, 2, 3, 4, 101]), b"P3 3 2 9\n1"],
    ids=ascii,
)  # fmt: skip
def test_decode_pnm_refuses_short_and_damaged_files(data: bytes) -> None:
    with pytest.raises(InputError):
        decode_photo(data, NAME)


def test_decode_bmp_refuses_short_files() -> None:
    for shape in ((5, 9, 3), (5, 9), (5, 9, 4)):
        done, encoded = cv2.imencode(".bmp", np.full(shape, 77, np.uint8))
        data = encoded.tobytes()
        assert done
        assert decode_photo(data, NAME).pixels.shape == (5, 9, 3)
        for size in (len(data) - 1, len(data) - 40):
            with pytest.raises(InputError, match="do not fit into its"):
                decode_photo(data[:size], NAME)


def test_decode_webp_refuses_sizes_that_its_bytes_cannot_hold() -> None:
    done, encoded = cv2.imencode(
        ".webp", np.full((2000, 3000, 3), 90, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 1]
    )
    data = encoded.tobytes()
    assert done
    assert decode_photo(data, NAME).pixels.shape == (2000, 3000, 3)
    place = data.index(b"\x9d\x01\x2a") + 3
    larger = data[:place] + (16000).to_bytes(2, "little") * 2 + data[place + 4 :]
    with pytest.raises(InputError, match="16000×16000 pixels"):
        decode_photo(larger, NAME, max_pixels=2**30)
    done, lossless = cv2.imencode(
        ".webp", np.full((2000, 3000, 3), 90, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 101]
    )
    assert done
    assert decode_photo(lossless.tobytes(), NAME).pixels.shape == (2000, 3000, 3)
