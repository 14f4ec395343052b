"""Which camera took a photo and how it was set, as far as its EXIF data tell."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from degrade.disk.files import open_regular
from degrade.errors import InputError
from degrade.images.tiff_directory import TiffDirectory, TiffEntry, is_tiff

__all__ = ["CameraFacts", "camera_facts", "camera_in", "camera_name", "iso_in", "read_camera"]

_MAKE, _MODEL = 271, 272
_EXIF_DIRECTORY = 0x8769
_LENS, _ISO = 0xA434, 0x8827
_EXPOSURE, _APERTURE, _FOCAL_LENGTH, _ZOOM = 0x829A, 0x829D, 0x920A, 0xA404
_ASCII = 2
_MOST_ENTRIES, _MOST_LETTERS = 512, 64
_HEAD_BYTES = 2**18
"""EXIF blocks are of at most 64 KiB and stand before the pixels in nearly all files."""

_MARKS = ((b"Exif\x00\x00", 6), (b"EXIF", 8))
"""What precedes the block, and how far: in JPEG and some WebP, in WebP with its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFacts:
    """What a camera wrote of itself and of a picture's settings; None: it did not.

    Serial numbers, owners, places and times are never read.

    Attributes
    ----------
    make, model, lens : str or None
    iso : int or None
    focal_length : float or None
        Millimetres, as it is and not as on 35 mm film.
    exposure : float or None
        Seconds.
    aperture : float or None
        The f-number.
    digital_zoom : float or None
        By how much the camera itself enlarged; above 1 only.
    """

    make: str | None = None
    model: str | None = None
    lens: str | None = None
    iso: int | None = None
    focal_length: float | None = None
    exposure: float | None = None
    aperture: float | None = None
    digital_zoom: float | None = None


def camera_facts(data: bytes) -> CameraFacts:
    """Return what EXIF data tell of the camera; whatever is damaged counts as not there."""
    block = _exif_block(data)
    if block is None:
        return CameraFacts()
    texts, numbers = _facts_of(block)
    zoom = numbers.get(_ZOOM, 0.0)
    iso = numbers.get(_ISO, 0.0)
    return CameraFacts(
        make=texts.get(_MAKE) or None,
        model=texts.get(_MODEL) or None,
        lens=texts.get(_LENS) or None,
        iso=int(iso) if 1 <= iso < 2**31 else None,
        focal_length=_positive(numbers.get(_FOCAL_LENGTH)),
        exposure=_positive(numbers.get(_EXPOSURE)),
        aperture=_positive(numbers.get(_APERTURE)),
        digital_zoom=zoom if 1 < zoom < 1000 else None,
    )


def _positive(number: float | None) -> float | None:
    return number if number is not None and 0 < number < 1e6 and math.isfinite(number) else None


def _facts_of(block: bytes) -> tuple[dict[int, str], dict[int, float]]:
    """Return the texts and numbers of the first directory and of EXIF's own."""
    texts: dict[int, str] = {}
    numbers: dict[int, float] = {}
    try:
        first = TiffDirectory.read(block)
        _collect(first, texts, numbers)
        if _EXIF_DIRECTORY in numbers:
            _collect(TiffDirectory.read(block, int(numbers[_EXIF_DIRECTORY])), texts, numbers)
    except (struct.error, OverflowError, ValueError):
        pass  # what was read before counts
    return texts, numbers


def _collect(directory: TiffDirectory, texts: dict[int, str], numbers: dict[int, float]) -> None:
    for entry in directory.entries(_MOST_ENTRIES):
        if entry.tag in (_MAKE, _MODEL, _LENS) and entry.type == _ASCII:
            texts[entry.tag] = _text(directory, entry)
        elif entry.tag in (_EXPOSURE, _APERTURE, _FOCAL_LENGTH, _ZOOM) and entry.count == 1:
            numbers.update((entry.tag, value) for value in directory.fractions(entry))
        elif entry.tag in (_EXIF_DIRECTORY, _ISO) and 1 <= entry.count <= 4:
            numbers.update((entry.tag, float(value)) for value in directory.integers(entry)[:1])


def _text(directory: TiffDirectory, entry: TiffEntry) -> str:
    raw = directory.value_bytes(entry, entry.count, _MOST_LETTERS).split(b"\x00")[0]
    return " ".join(raw.decode("ascii", "replace").split())


def read_camera(path: Path) -> str | None:
    """Return the camera of a photo file, such as ``Canon EOS 350D``; None when it is not known."""
    try:
        with open_regular(path) as file:
            return camera_in(file.read(_HEAD_BYTES))
    except (InputError, OSError):
        return None


def camera_in(data: bytes) -> str | None:
    """Return make and model from an image file, or its first bytes; None when they are not there.

    Whatever is damaged counts as not there.
    """
    block = _exif_block(data)
    if block is None:
        return None
    try:
        texts = _texts(block)
    except struct.error:
        return None
    return camera_name(texts.get(_MAKE, ""), texts.get(_MODEL, "")) or None


def camera_name(make: str, model: str) -> str:
    """Return both as one name, without a make that the model begins with."""
    is_named = any(model.lower().startswith(word) for word in make.lower().split())
    return model if is_named else f"{make} {model}".strip()


def _exif_block(data: bytes) -> bytes | None:
    """Return what begins with a TIFF header."""
    if is_tiff(data):
        return data
    if data.startswith(b"\x89PNG"):
        return _png_block(data)
    end = _HEAD_BYTES
    if data.startswith(b"\xff\xd8"):  # in a JPEG it stands before the pixels
        pixels = data.find(b"\xff\xda", 0, end)
        end = pixels if pixels > 0 else end
    for mark, length in _MARKS:
        start = data.find(mark, 0, end)
        if start >= 0 and is_tiff(data[start + length : start + length + 4]):
            return data[start + length : start + length + _HEAD_BYTES]
    return None


def _png_block(data: bytes) -> bytes | None:
    """Return the chunk ``eXIf``, wherever it stands."""
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"eXIf":
            block = data[at + 8 : at + 8 + length]
            return block if is_tiff(block) else None
        at += 12 + length
    return None


def _texts(block: bytes) -> dict[int, str]:
    """Return make and model of the first directory."""
    directory, texts = TiffDirectory.read(block), {}
    for entry in directory.entries(_MOST_ENTRIES):
        if entry.tag in (_MAKE, _MODEL) and entry.type == _ASCII:
            texts[entry.tag] = _text(directory, entry)
    return texts


def iso_in(data: bytes) -> int | None:
    """Return the ISO setting from an image file, or its first bytes; None when it is not there."""
    return camera_facts(data).iso
