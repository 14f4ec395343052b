from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.images.exif import camera_in, iso_in, read_camera


def exif(make: bytes | None, model: bytes | None, order: str = "<") -> bytes:
    """Return a TIFF header with a directory of two texts, as cameras write it."""
    texts = [(tag, text + b"\x00") for tag, text in ((271, make), (272, model)) if text is not None]
    start = 8 + 2 + 12 * len(texts) + 4
    entries, tail = b"", b""
    for tag, text in texts:
        place = text.ljust(4, b"\x00")
        if len(text) > 4:
            place = struct.pack(order + "I", start + len(tail))
            tail += text
        entries += struct.pack(order + "HHI", tag, 2, len(text)) + place
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(texts)) + entries + bytes(4) + tail


def jpeg(block: bytes) -> bytes:
    _, data = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))
    app1 = b"Exif\x00\x00" + block
    raw = data.tobytes()
    return raw[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + raw[2:]


def png(block: bytes) -> bytes:
    _, data = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))
    raw, body = data.tobytes(), b"eXIf" + block
    return raw[:33] + struct.pack(">I", len(block)) + body + struct.pack(">I", zlib.crc32(body))


def webp(block: bytes) -> bytes:
    return b"RIFF\x00\x00\x00\x00WEBPVP8X" + b"EXIF" + struct.pack("<I", len(block)) + block


@pytest.mark.parametrize("wrap", [jpeg, png, webp, bytes])
@pytest.mark.parametrize("order", ["<", ">"])
def test_camera_in_finds_make_and_model_in_every_format(wrap: type[bytes], order: str) -> None:
    assert camera_in(wrap(exif(b"FUJIFILM", b"DX-10", order))) == "FUJIFILM DX-10"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        (b"Canon", b"Canon EOS 350D", "Canon EOS 350D"),
        (b"EASTMAN KODAK COMPANY", b"KODAK DC240", "KODAK DC240"),
        (b"SONY", None, "SONY"),
        (None, b"X1", "X1"),
        (b"", b"  ", None),
        (None, None, None),
        (b"A\nB", b"\xff", "A B \ufffd"),
    ],
)
def test_camera_in_says_each_word_once(
    make: bytes | None, model: bytes | None, camera: str | None
) -> None:
    assert camera_in(exif(make, model)) == camera


def test_camera_in_of_damaged_data_is_none() -> None:
    whole = exif(b"NIKON CORPORATION", b"NIKON D90")
    assert camera_in(b"") is None and camera_in(b"Exif\x00\x00") is None
    assert {camera_in(whole[:length]) for length in range(30)} == {None}
    far = bytearray(whole)
    far[18:22] = struct.pack("<I", 2**32 - 1)
    assert camera_in(bytes(far)) == "NIKON D90"


@given(st.binary(max_size=200))
def test_camera_in_survives_anything(data: bytes) -> None:
    camera_in(data)
    camera_in(b"II*\x00\x08\x00\x00\x00" + data)
    camera_in(b"\x89PNG\r\n\x1a\n" + data)
    camera_in(b"\xff\xd8" + data)


def test_camera_in_finds_a_block_behind_a_png_s_pixels() -> None:
    data = png(exif(b"Canon", b"Canon 5D"))
    head, block = data[:33], data[33:]
    pixels = struct.pack(">I", 400_000) + b"IDAT" + b"eXIf" * 100_000 + bytes(4)
    assert camera_in(head + pixels + block) == "Canon 5D"
    assert camera_in(head + pixels) is None


def test_read_camera_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(exif(b"Canon", b"Canon 5D")))
    assert read_camera(tmp_path / "a.jpg") == "Canon 5D"
    assert read_camera(tmp_path / "none.jpg") is None
    assert read_camera(tmp_path) is None


def test_read_camera_of_real_photos(shared_data: Path) -> None:
    found = {
        name: read_camera(shared_data / "real" / name)
        for name in ("cam_fujifilm-dx10.jpg", "cam_kodak-dc240.jpg", "dnd_02.png")
    }
    assert found == {
        "cam_fujifilm-dx10.jpg": "FUJIFILM DX-10",
        "cam_kodak-dc240.jpg": "KODAK DC240 ZOOM DIGITAL CAMERA",
        "dnd_02.png": None,
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_iso_in_finds_the_setting_in_the_inner_directory(order: str) -> None:
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    outer = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    inner = struct.pack(order + "HHHIHHI", 1, 0x8827, 3, 1, 3200, 0, 0)
    block = head + outer + inner
    for data in (block, jpeg(block), png(block)):
        assert iso_in(data) == 3200
    for damaged in (b"", block[:20], block[:30], exif(b"X", b"Y", order), head):
        assert iso_in(damaged) is None
