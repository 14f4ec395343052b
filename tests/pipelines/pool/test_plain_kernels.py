"""Kernels as gray pictures and as text: read, or refused with what to do."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from degrade.errors import InputError
from degrade.kernels import gaussian_kernel
from degrade.pool import DegradationPool
from pipelines.pool.imports import ImportKernelsConfig, import_kernels
from pipelines.pool.kernel_choice import chosen_kernels
from tests.degrade.images.encoded import png_chunk

KERNEL = gaussian_kernel(17, 2, (1.8, 1.1), 0.4).weights.astype(np.float64)


def drawn(path: Path, bits: int = 8) -> Path:
    peak = (1 << bits) - 1
    levels = np.rint(KERNEL / KERNEL.max() * peak)
    assert cv2.imwrite(str(path), levels.astype(np.uint8 if bits == 8 else np.uint16))
    return path


@pytest.mark.parametrize(("bits", "told"), [(8, "0.2 %"), (16, "0.00076 %")])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_gray_picture_is_the_kernel_to_half_a_level(
    tmp_path: Path, ending: str, bits: int, told: str
) -> None:
    (found,) = chosen_kernels(drawn(tmp_path / f"k{ending}", bits), ())
    off = np.abs(found.weights / found.weights.max() - KERNEL / KERNEL.max()).max()
    assert off <= 0.5001 / ((1 << bits) - 1) + 1e-9
    assert found.weights.sum() == pytest.approx(1)
    assert found.notes == (
        f"{bits}-bit levels: taps are off by up to {told} of the largest, less is lost",
    )


@pytest.mark.parametrize(
    ("parted", "mark", "ends"),
    [
        (",", ".", ""),
        (", ", ".", ","),
        (" , ", ".", ""),
        (" ", ".", ""),
        ("  ", ",", ""),
        ("\t", ".", "\t"),
        ("\t", ",", ""),
        (";", ",", ";"),
    ],
)
def test_rows_of_numbers_are_the_kernel(tmp_path: Path, parted: str, mark: str, ends: str) -> None:
    path = tmp_path / "k.csv"
    rows = [parted.join(repr(v).replace(".", mark) for v in row) + ends for row in KERNEL.tolist()]
    path.write_bytes(("\ufeff# of a lens\r\n" + "\r\n".join(rows) + "\r\n\r\n").encode())
    (found,) = chosen_kernels(path, ())
    np.testing.assert_array_equal(found.weights, KERNEL)


@pytest.mark.parametrize(("bits", "off"), [(1, "50 %"), (2, "17 %"), (4, "3.3 %"), (8, "0.2 %")])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_picture_of_few_bits_is_told_with_its_own(
    tmp_path: Path, ending: str, bits: int, off: str
) -> None:
    white = (1 << bits) - 1
    levels = np.rint(KERNEL / KERNEL.max() * white).astype(np.uint8)
    path = tmp_path / f"k{ending}"
    if ending == ".tif":
        if bits not in (1, 8):
            pytest.skip("Pillow writes no such TIFF")
        Image.fromarray(levels * (255 // white)).convert("1" if bits == 1 else "L").save(path)
    else:
        size = struct.pack(">IIBBBBB", len(levels), len(levels), bits, 0, 0, 0, 0)
        shift = np.arange(8 - bits, -1, -bits)
        padded = np.pad(levels, ((0, 0), (0, -len(levels) % len(shift))))
        rows = (padded.reshape(len(levels), -1, len(shift)) << shift).sum(2).astype(np.uint8)
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        parts = ((b"IHDR", size), (b"IDAT", data), (b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts))
    (found,) = chosen_kernels(path, ())
    np.testing.assert_allclose(found.weights, levels / levels.sum())
    assert found.notes == (
        f"{bits}-bit levels: taps are off by up to {off} of the largest, less is lost",
    )


def test_pictures_and_texts_go_into_a_pool_by_name(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "k_x2.txt", KERNEL)
    drawn(tmp_path / "d_x2.png")
    sources = (tmp_path / "k_x2.txt", tmp_path / "d_x2.png")
    report = import_kernels(ImportKernelsConfig(sources=sources, pool=tmp_path / "p", scale=2))
    assert report.done == 2 and not report.rejects
    assert any("d_x2.png" in line and "8-bit levels" in line for line in report.lines)
    kept = DegradationPool.open(tmp_path / "p").kernels
    assert {record.provenance.source_name for record in kept} == {"k_x2.txt", "d_x2.png"}


TEXTS = {
    "1,2,3\n4,x,6\n7,8,9": "line 2: 'x' is no number",
    "1,2,3\n4,1_0,6\n7,8,9": "line 2: '1_0' is no number",
    "1,2,3;\n4,5,6;\n7,8,9;": "line 1: '1,2,3' is no number",
    "1,nan,3\n4,5,6\n7,8,9": "line 1: 'nan' is no number",
    "1,2,3\n4,6\n7,8,9": "line 2: 2 numbers, and 3 in the first",
    "1,2,3\n4,5,6": "holds no kernel",
    "# nothing\n": "holds no kernel",
    "7": "holds no kernel",
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_no_kernel_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.csv").write_text(text)
    with pytest.raises(InputError, match=TEXTS[text]) as caught:
        chosen_kernels(tmp_path / "k.csv", ())
    assert caught.value.remedy


def test_pictures_that_are_no_kernel_are_named(tmp_path: Path) -> None:
    levels = cv2.imread(str(drawn(tmp_path / "k.png")), cv2.IMREAD_UNCHANGED)
    path = tmp_path / "other.png"
    for pixels, said in (
        (levels.repeat(3, 0).repeat(3, 1), "each tap is a square of 3×3 pixels"),
        (255 - levels, "its edges are bright"),
        (levels[:, 1:], "a picture of 16×17 pixels"),
        (np.zeros((300, 300), np.uint8), "a picture of 300×300 pixels"),
        (cv2.applyColorMap(levels, cv2.COLORMAP_JET), "in colours"),
        (np.full((9, 9), 7, np.uint8), "its edges are bright"),
    ):
        assert cv2.imwrite(str(path), pixels)
        with pytest.raises(InputError, match=said) as caught:
            chosen_kernels(path, ())
        assert caught.value.remedy


def test_a_very_long_word_is_no_number_at_once(tmp_path: Path) -> None:
    (tmp_path / "k.csv").write_text("1" * 1_000_000 + "x")
    began = time.process_time()
    with pytest.raises(InputError, match="is no number"):
        chosen_kernels(tmp_path / "k.csv", ())
    assert time.process_time() - began < 5


def test_the_size_of_a_picture_is_told_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.pgm"
    path.write_bytes(b"P5 90000 90000 255\n")
    with pytest.raises(InputError, match="90000×90000") as caught:
        chosen_kernels(path, ())
    assert "max_pixels" not in caught.value.remedy


@pytest.mark.parametrize("ending", [".jpg", ".gif", ".WEBP"])
def test_a_kernel_in_a_format_for_photos_is_named(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"k{ending}").write_bytes(b"any")
    with pytest.raises(InputError, match="a format for photos") as caught:
        chosen_kernels(tmp_path / f"k{ending}", ())
    assert caught.value.remedy.startswith("save kernels as PNG")


def test_a_wide_kernel_is_told_as_what_may_be_none(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "large.txt", gaussian_kernel(89, 2, (9.0, 9.0), 0.0).weights)
    np.savetxt(tmp_path / "small.txt", KERNEL)
    sources = (tmp_path / "large.txt", tmp_path / "small.txt")
    report = import_kernels(ImportKernelsConfig(sources=sources, pool=tmp_path / "p", scale=2))
    assert [line.split(":")[0] for line in report.lines if "see that it is none" in line] == [
        "large.txt"
    ]
