"""TIFF files made entry by entry, so that each can be as odd as a test wants it."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile

from degrade.images.image_io import Photo, decode_photo

Tags: TypeAlias = dict[int, int | tuple[int, ...] | bytes | list[tuple[int, int]]]
"""Integers, bytes, or fractions, by tag."""


def written(array: np.ndarray, **options: Any) -> bytes:
    """Return the file that tifffile makes of an array, with nothing but what is asked for."""
    file = io.BytesIO()
    tifffile.imwrite(file, array, **{"metadata": None, "software": False, **options})
    return file.getvalue()


def tags_of(array: np.ndarray) -> Tags:
    """Return the tags of an uncompressed page of (H, W) or (H, W, n) pixels, but its strips'."""
    height, width, *channels = array.shape
    samples = channels[0] if channels else 1
    bits = array.dtype.itemsize * 8
    return {
        256: width,
        257: height,
        258: (bits,) * samples,
        259: 1,
        262: 2 if samples >= 3 else 1,
        277: samples,
        278: height,
    }


def tiff_file(
    *pages: tuple[Tags, list[bytes]],
    order: str = "<",
    large: bool = False,
    within: list[tuple[Tags, list[bytes]]] | None = None,
) -> bytes:
    """Return a file of pages: each its tags and strips; those ``within`` belong to the first.

    Tags of strips (273, 279) are added where the page has none.
    """
    word = "Q" if large else "I"
    field = struct.calcsize(word)
    magic = b"II" if order == "<" else b"MM"
    start = struct.pack(order + "HHHQ", 43, 8, 0, 0) if large else struct.pack(order + "HI", 42, 0)
    data = bytearray(magic + start)
    inner = []
    for page in within or []:
        inner.append(_add_page(data, *page, order=order, word=word)[0])
    link = len(magic + start) - field
    for number, (tags, strips) in enumerate(pages):
        listed = {**tags, 330: tuple(inner)} if inner and number == 0 else tags
        place, end = _add_page(data, listed, strips, order=order, word=word)
        struct.pack_into(order + word, data, link, place)
        link = end
    return bytes(data)


def _add_page(
    data: bytearray, tags: Tags, strips: list[bytes], *, order: str, word: str
) -> tuple[int, int]:
    """Append a page; return where its directory is, and where the next one's place is written."""
    offsets = []
    for strip in strips:
        offsets.append(len(data))
        data += strip
    tags = {273: tuple(offsets), 279: tuple(map(len, strips)), **tags}
    entries = b""
    for tag, value in sorted(tags.items()):
        kind, count, raw = _value(value, order)
        if len(raw) > struct.calcsize(word):
            place, raw = len(data), raw
            data += raw
            raw = struct.pack(order + word, place)
        entries += struct.pack(f"{order}HH{word}", tag, kind, count)
        entries += raw.ljust(struct.calcsize(word), b"\0")
    place = len(data)
    data += struct.pack(order + ("Q" if word == "Q" else "H"), len(tags)) + entries
    end = len(data)
    data += struct.pack(order + word, 0)
    return place, end


def _value(value: Any, order: str) -> tuple[int, int, bytes]:
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, list):
        flat = [number for pair in value for number in pair]
        return 5, len(value), struct.pack(f"{order}{len(flat)}I", *flat)
    values = value if isinstance(value, tuple) else (value,)
    kind, code = (3, "H") if max(values, default=0) < 2**16 else (4, "I")
    return kind, len(values), struct.pack(f"{order}{len(values)}{code}", *values)


HEIGHT, WIDTH = 37, 53
LAYOUTS = ("gray", "white is zero", "rgb", "planar", "rgba", "planar rgba", "five samples")


def read(data: bytes, **options: Any) -> Photo:
    return decode_photo(data, Path("photo.tif"), **options)


def noise(shape: tuple[int, ...], bits: int = 8, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, 2**bits, shape)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def layout(name: str, bits: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return an array as tifffile takes it, the RGB that it stands for, and tifffile's options."""
    samples = {"gray": 1, "white is zero": 1, "rgba": 4, "planar rgba": 4, "five samples": 5}
    pixels = noise((HEIGHT, WIDTH, samples.get(name, 3)), bits)
    options: dict[str, Any] = {"photometric": "rgb"}
    if samples.get(name) == 1:
        options["photometric"] = "minisblack" if name == "gray" else "miniswhite"
        rgb = np.repeat(
            pixels if name == "gray" else np.iinfo(pixels.dtype).max - pixels, 3, axis=2
        )
        return pixels[..., 0], rgb, options
    if name == "rgba" or name == "planar rgba":
        options["extrasamples"] = ["unassalpha"]
    if name.startswith("planar"):
        options["planarconfig"] = "separate"
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), pixels[..., :3], options
    return pixels, pixels[..., :3], options


COMPRESSIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "LZW": {"compression": "lzw"},
    "LZW of differences": {"compression": "lzw", "predictor": 2},
    "deflate": {"compression": "adobe_deflate"},
    "deflate of differences": {"compression": "adobe_deflate", "predictor": 2},
    "old deflate": {"compression": "deflate"},
    "PackBits": {"compression": "packbits"},
    "Zstandard": {"compression": "zstd"},
    "LZMA": {"compression": "lzma"},
    "JPEG XL": {"compression": "jpegxl"},
    "LERC": {"compression": "lerc"},
    "LERC in deflate": {"compression": "lerc", "compressionargs": {"compression": "deflate"}},
    "LERC in Zstandard": {"compression": "lerc", "compressionargs": {"compression": "zstd"}},
}


def scene() -> np.ndarray:
    """Return a photo-like picture: smooth, with grain."""
    random_values = np.random.default_rng(5)
    steps = random_values.normal(size=(160, 200, 3)).cumsum(0).cumsum(1)
    return np.clip(128 + steps + random_values.normal(0, 2, steps.shape), 0, 255).astype(np.uint8)
