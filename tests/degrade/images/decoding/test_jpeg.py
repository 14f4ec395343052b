from __future__ import annotations

import io
import itertools
import random
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from degrade.compiled import is_compiled
from degrade.errors import InputError
from degrade.images.image_io import decode_photo

NAME = Path("photo.jpg")
END = b"\xff\xd9"
SAMPLINGS = [getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{kind}") for kind in (444, 422, 420, 411)]


def picture(height: int = 96, width: int = 131, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.uint8(np.clip((soft - soft.mean()) * 5 + 128, 0, 255))


def encode(rgb: np.ndarray, *options: int) -> bytes:
    done, data = cv2.imencode(".jpg", rgb[..., ::-1] if rgb.ndim == 3 else rgb, options)
    assert done
    return data.tobytes()


def pixels_at(data: bytes) -> tuple[int, int]:
    """Return where the coded data of the first scan begin, and where the file's last two bytes."""
    place = data.index(b"\xff\xda")
    return place + 2 + int.from_bytes(data[place + 2 : place + 4]), len(data) - 2


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_photo(data, NAME)
    return caught.value.reason


PLAIN = encode(picture(), cv2.IMWRITE_JPEG_QUALITY, 90)
PROGRESSIVE = encode(picture(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = encode(picture(), cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
GRAY = encode(picture()[..., 0])
KINDS = {"plain": PLAIN, "progressive": PROGRESSIVE, "restarts": RESTARTS, "gray": GRAY}


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (16, 16), (33, 17), (40, 131)], ids=str)
def test_decode_jpeg_gives_opencvs_pixels(size: tuple[int, int]) -> None:
    rgb = picture()[: size[0], : size[1]]
    for sampling, progressive, quality, restart in itertools.product(
        SAMPLINGS, (0, 1), (20, 95), (0, 3)
    ):
        options = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
        more = (cv2.IMWRITE_JPEG_RST_INTERVAL, restart, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        data = encode(rgb, *options, *more)
        by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(decode_photo(data, NAME).pixels, by_opencv[..., ::-1])


def test_decode_jpeg_gives_opencvs_gray_and_inks() -> None:
    gray = decode_photo(GRAY, NAME)
    by_opencv = cv2.imdecode(np.frombuffer(GRAY, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert gray.notes == ("gray",)
    np.testing.assert_array_equal(gray.pixels, by_opencv[..., None].repeat(3, 2))
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([picture(), picture(seed=1)[..., 0]]), "CMYK").save(buffer, "JPEG")
    data = buffer.getvalue()
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    inks = decode_photo(data, NAME)
    assert inks.notes == ("CMYK converted",)
    np.testing.assert_array_equal(inks.pixels, by_opencv[..., ::-1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_decode_jpeg_refuses_what_was_cut_before_an_end_marker(kind: str, part: float) -> None:
    data = KINDS[kind]
    start, end = pixels_at(data)
    assert refused(data[: start + int((end - start) * part)] + END)


@pytest.mark.parametrize("kind", KINDS)
def test_decode_jpeg_refuses_a_missing_middle(kind: str) -> None:
    data = KINDS[kind]
    start, end = pixels_at(data)
    third = (end - start) // 3
    assert refused(data[: start + third] + data[start + 2 * third :])


@pytest.mark.parametrize("kind", ["plain", "restarts", "gray"])
@pytest.mark.parametrize("size", [64, 300])
def test_decode_jpeg_refuses_every_block_of_zeros(kind: str, size: int) -> None:
    data = KINDS[kind]
    start, end = pixels_at(data)
    for place in np.linspace(start, end - size, 25).astype(int):
        assert refused(data[:place] + bytes(size) + data[place + size :])


def test_decode_jpeg_reads_pictures_of_one_colour_whose_codes_are_zeros() -> None:
    for options in ((), (cv2.IMWRITE_JPEG_OPTIMIZE, 1), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)):
        for level in (0, 128, 255):
            rgb = np.full((700, 900, 3), level, np.uint8)
            np.testing.assert_array_equal(decode_photo(encode(rgb, *options), NAME).pixels, rgb)


def scans(data: bytes) -> list[int]:
    return [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]


def test_decode_jpeg_refuses_progressive_files_without_their_last_scans() -> None:
    places = scans(PROGRESSIVE)
    assert len(places) > 5
    for place in places[1:]:
        assert "scan" in refused(PROGRESSIVE[:place] + END)


def test_decode_jpeg_refuses_a_colour_without_its_scan() -> None:
    frame = PLAIN.index(b"\xff\xc0")
    named = bytearray(PLAIN)
    named[frame + 16] = 77  # the third component has another name than the scan says
    assert refused(bytes(named))


def test_decode_jpeg_refuses_restart_markers_out_of_order() -> None:
    first, second = RESTARTS.index(b"\xff\xd1"), RESTARTS.index(b"\xff\xd2")
    swapped = bytearray(RESTARTS)
    swapped[first + 1], swapped[second + 1] = 0xD2, 0xD1
    assert "RST" in refused(bytes(swapped))
    interval = RESTARTS.index(b"\xff\xdd")
    other = bytearray(RESTARTS)
    other[interval + 5] += 1
    assert refused(bytes(other))


def test_decode_jpeg_reads_what_is_odd_and_harmless() -> None:
    expected = decode_photo(PLAIN, NAME).pixels
    start, end = pixels_at(PLAIN)
    older = bytearray(PLAIN)
    older[11] = 3  # a revision of JFIF that nobody made
    parameters = bytearray(PLAIN)
    parameters[start - 3 : start] = bytes(3)  # as some cameras write them
    for data in (
        PLAIN + b"a second part, such as a film" * 20 + END,
        PLAIN[:-2] + bytes(12) + END,
        PLAIN[:-2] + b"\xff" * 7 + END,
        bytes(older),
        bytes(parameters),
        PLAIN[:2] + b"\xff\xfe\x00\x05odd" + PLAIN[2:],
    ):
        np.testing.assert_array_equal(decode_photo(data, NAME).pixels, expected)
    assert "padding behind its pixels" in decode_photo(PLAIN[:-2] + bytes(16) + END, NAME).notes
    assert refused(PLAIN[:-2] + bytes(200) + END)
    assert refused(bytes(parameters)[: end - 200] + END)


def trailer(size: int) -> bytes:
    content = np.random.default_rng(1).integers(0, 255, size, dtype=np.uint8)
    return b"\x00\x00\x01\x0a" + content.tobytes() + b"SEFHe\x00\x00\x00SEFT"


@pytest.mark.parametrize("size", [40, 5000])
def test_decode_jpeg_reads_a_file_whose_end_marker_a_phone_forgot(size: int) -> None:
    photo = decode_photo(PLAIN[:-2] + trailer(size), NAME)
    np.testing.assert_array_equal(photo.pixels, decode_photo(PLAIN, NAME).pixels)
    assert photo.notes == ("end marker missing",)
    assert decode_photo(PLAIN + trailer(size), NAME).notes == ()
    assert refused(PLAIN[: len(PLAIN) * 3 // 4] + trailer(8))
    assert "cut short" in refused(PLAIN[:-2])


def with_size(data: bytes, height: int, width: int) -> bytes:
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def test_decode_jpeg_refuses_sizes_that_its_bytes_cannot_hold() -> None:
    small = encode(np.zeros((64, 64, 3), np.uint8))
    assert "13000×13000 pixels do not fit into its" in refused(with_size(small, 13000, 13000))
    for sampling, options in itertools.product(SAMPLINGS, ((), (cv2.IMWRITE_JPEG_OPTIMIZE, 1))):
        more = (*options, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        decode_photo(encode(np.full((900, 1100, 3), 77, np.uint8), *more), NAME)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [(1, 0xC9, "arithmetic JPEG"), (1, 0xC3, "lossless JPEG"), (1, 0xC5, "hierarchical JPEG"),
     (4, 12, "JPEG of 12 bits")],
)  # fmt: skip
def test_decode_jpeg_names_codings_that_it_does_not_read(
    place: int, value: int, reason: str
) -> None:
    data = bytearray(PLAIN)
    data[PLAIN.index(b"\xff\xc0") + place] = value
    assert reason in refused(bytes(data))


def test_decode_jpeg_gives_the_profile_of_several_parts() -> None:
    from degrade.images.decoding import DECODERS
    from degrade.images.image_header import read_header

    buffer = io.BytesIO()
    profile = np.random.default_rng(0).bytes(150_000)
    Image.fromarray(picture()).save(buffer, "JPEG", icc_profile=profile)
    data = buffer.getvalue()
    assert DECODERS["jpeg"](data, read_header(data)).profile == profile
    assert DECODERS["jpeg"](PLAIN, read_header(PLAIN)).profile is None


def test_decode_jpeg_prints_nothing_on_damage(capfd: pytest.CaptureFixture[str]) -> None:
    start, end = pixels_at(PLAIN)
    for place in range(start, end - 40, 97):
        data = PLAIN[:place] + np.random.default_rng(place).bytes(40) + PLAIN[place + 40 :]
        try:
            decode_photo(data, NAME)
        except InputError:
            continue
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not is_compiled(), reason="the compiled code was not built here")
@pytest.mark.parametrize("progressive", [0, 1])
def test_decode_jpeg_finds_lost_bytes_behind_which_the_codes_fall_into_step(
    progressive: int,
) -> None:
    options = (cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    chance = random.Random(0)
    passed, found = 0, 0
    for _ in range(400):
        data = encode(picture(seed=chance.randrange(9)), *options)
        first, end = pixels_at(data)
        place = chance.randrange(first, end - 64)
        damaged = data[:place] + data[place + 64 :]
        try:
            simplejpeg.decode_jpeg(damaged)
        except ValueError:
            continue
        passed += 1
        try:
            decode_photo(damaged, NAME)
        except InputError:
            found += 1
    assert passed >= 8
    assert found >= 0.25 * passed


@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
def test_decode_jpeg_takes_any_picture_that_is_sound(quality: int) -> None:
    rng = np.random.default_rng(quality)
    extreme = rng.integers(0, 2, (64, 72, 3), np.uint8) * 255
    blocks = np.kron(rng.integers(0, 2, (8, 9, 3), np.uint8) * 255, np.ones((8, 8, 1), np.uint8))
    for pixels in (extreme, blocks, rng.integers(0, 256, (64, 72, 3), np.uint8)):
        for restart, sampling, progressive in itertools.product((0, 3), SAMPLINGS, (0, 1)):
            data = encode(
                pixels,
                *(cv2.IMWRITE_JPEG_QUALITY, quality),
                *(cv2.IMWRITE_JPEG_PROGRESSIVE, progressive),
                *(cv2.IMWRITE_JPEG_RST_INTERVAL, restart),
                *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling),
            )
            assert decode_photo(data, NAME).pixels.shape == pixels.shape
