"""The pages of a TIFF file: what each says of itself, and which of them is the photo."""

from __future__ import annotations

import functools
import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.images.tiff_directory import TiffDirectory, TiffEntry

__all__ = [
    "PhotoPage",
    "Photometric",
    "TiffPage",
    "embedded_profile",
    "holds_sensor_data",
    "photo_page",
]

_MOST_PAGES = 1000
_MOST_ENTRIES = 256
_MOST_SAMPLES = 16
_REDUCED, _MASK = 1, 4
_JPEG = 7
_ORIENTATION = 274
_PROFILE = 34675
_JPEG_PLACE = 513
_INK_SET = 332


class Photometric:
    """What the samples of a page mean (tag 262)."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    MASK = 4
    CMYK = 5
    YCBCR = 6
    CIELAB = 8
    SENSOR = 32803
    LINEAR_RAW = 34892


_COLOURS = {
    Photometric.RGB: 3,
    Photometric.CMYK: 4,
    Photometric.YCBCR: 3,
    Photometric.CIELAB: 3,
}
"""Samples that make a colour; one where it is not here."""


@dataclass(frozen=True)
class TiffPage:
    """One picture of a TIFF file: its directory with what TIFF 6.0 says of absent tags.

    Attributes
    ----------
    directory : TiffDirectory
    entries : mapping of int to TiffEntry
        By tag; the first counts.
    """

    directory: TiffDirectory
    entries: MappingProxyType[int, TiffEntry] = field(repr=False)

    @classmethod
    def read(cls, directory: TiffDirectory) -> TiffPage:
        """Read the entries; struct.error when the data end before them."""
        entries: dict[int, TiffEntry] = {}
        for entry in directory.entries(_MOST_ENTRIES):
            entries.setdefault(entry.tag, entry)
        return cls(directory, MappingProxyType(entries))

    def integers(self, tag: int) -> npt.NDArray[np.int64]:
        """Return the values of a tag; none when it is absent."""
        entry = self.entries.get(tag)
        return np.zeros(0, np.int64) if entry is None else self.directory.integers(entry)

    def integer(self, tag: int, absent: int) -> int:
        """Return the first value of a tag."""
        values = self.integers(tag)
        return int(values[0]) if len(values) else absent

    def _needed(self, tag: int) -> int:
        values = self.integers(tag)
        if len(values) != 1:
            raise struct.error(f"no tag {tag}")
        return int(values[0])

    def fractions(self, tag: int) -> tuple[float, ...]:
        """Return the values of a tag of fractions; none when it is absent."""
        entry = self.entries.get(tag)
        return () if entry is None else self.directory.fractions(entry)

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a tag whose values are bytes; none when it is absent."""
        entry = self.entries.get(tag)
        return b"" if entry is None else self.directory.value_bytes(entry, entry.count)

    @functools.cached_property
    def width(self) -> int:
        """Columns of pixels; struct.error when it is not said."""
        return self._needed(256)

    @functools.cached_property
    def height(self) -> int:
        """Rows of pixels; struct.error when it is not said."""
        return self._needed(257)

    @functools.cached_property
    def compression(self) -> int:
        """How the segments are compressed (tag 259)."""
        return self.integer(259, 1)

    @functools.cached_property
    def photometric(self) -> int:
        """What the samples mean; guessed from their number where the file does not say."""
        samples = max(self.integer(277, 1), len(self.integers(258)))
        guess = Photometric.RGB if samples >= 3 else Photometric.BLACK_IS_ZERO
        if samples == 4 and _INK_SET in self.entries:
            guess = Photometric.CMYK
        return self.integer(262, guess)

    @functools.cached_property
    def samples(self) -> int:
        """Samples of a pixel.

        Raises
        ------
        InvalidValueError
            None, or too many.
        """
        several = len(self.integers(258))
        colours = _COLOURS.get(self.photometric, 1)
        samples = self.integer(277, several if several > 1 else colours)
        if not 1 <= samples <= _MOST_SAMPLES:
            raise InvalidValueError(
                f"holds {samples} samples a pixel: export red, green and blue as RGB"
            )
        return samples

    @functools.cached_property
    def bits(self) -> int:
        """Bits of a sample.

        Raises
        ------
        InvalidValueError
            The samples of a pixel differ in it.
        """
        bits = self.integers(258).tolist() or [8 if self.compression == _JPEG else 1]
        bits = bits[: self.samples]
        if min(bits) != max(bits):
            listed = ", ".join(map(str, bits))
            raise InvalidValueError(f"holds samples of {listed} bits: save it with equal ones")
        return int(bits[0])

    @functools.cached_property
    def sample_formats(self) -> frozenset[int]:
        """Number formats of the samples (tag 339): 1 unsigned, 2 signed, 3 float, 4 not said."""
        return frozenset(self.integers(339).tolist()) or frozenset({1})

    @functools.cached_property
    def orientation(self) -> int:
        """As EXIF counts it; 1 where it is absent or makes no sense."""
        value = self.integer(_ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def is_planar(self) -> bool:
        """Every sample has segments of its own (tag 284)."""
        return self.integer(284, 1) == 2 and self.samples > 1

    @property
    def colours(self) -> int:
        """Samples that make a pixel's colour; those behind them are extra."""
        return _COLOURS.get(self.photometric, 1)

    @functools.cached_property
    def alpha(self) -> tuple[int, bool] | None:
        """The sample that is alpha, and whether the colours are multiplied by it; None: none is.

        A file that says nothing of a sole extra sample behind gray or RGB means alpha.
        """
        extra = self.samples - self.colours
        kinds = self.integers(338)[: max(extra, 0)].tolist()
        if extra == 1 and kinds in ([], [0]) and self.photometric <= Photometric.RGB:
            return self.colours, False
        for index, kind in enumerate(kinds):
            if kind in (1, 2):
                return self.colours + index, kind == 1
        return None

    @property
    def is_copy(self) -> bool:
        """A smaller copy of another page, or which of its pixels are transparent."""
        kind = self.integer(254, 0)
        is_reduced = bool(kind & _REDUCED) or self.integer(255, 1) == 2
        is_thumbnail = 256 not in self.entries and _JPEG_PLACE in self.entries
        is_mask = bool(kind & _MASK) or self.photometric == Photometric.MASK
        return is_reduced or is_thumbnail or is_mask

    @property
    def is_raw(self) -> bool:
        """From a camera's sensor."""
        return self.photometric in (Photometric.SENSOR, Photometric.LINEAR_RAW) or (
            50706 in self.entries  # the version of DNG
        )

    @functools.cached_property
    def slices(self) -> int:
        """Pictures behind this one that have no directory (ImageJ, MetaMorph, volumes)."""
        text = self.raw(270)[:4096]
        stack = re.search(rb"^images=(\d{1,9})$", text, re.MULTILINE)
        if text.startswith(b"ImageJ=") and stack:
            return int(stack.group(1))
        planes = self.entries.get(33629)
        return max(self.integer(32997, 1), planes.count if planes else 1)


def embedded_profile(page: TiffPage) -> bytes | None:
    """Return the ICC profile of a page's pixels; CIELab says itself what its colours are."""
    if _PROFILE not in page.entries or page.photometric == Photometric.CIELAB:
        return None
    return page.raw(_PROFILE)


class PhotoPage(NamedTuple):
    """The page of a file that is the photo.

    ``orientation`` is that of its thumbnail where the photo itself says nothing of it.
    """

    page: TiffPage
    has_copies: bool
    orientation: int


def photo_page(data: bytes) -> PhotoPage:
    """Return the page of a TIFF file that is the photo, and whether others are copies of it.

    Smaller copies (thumbnails, pyramids) and masks are no photos.

    Parameters
    ----------
    data : bytes
        The file.

    Raises
    ------
    InvalidValueError
        There are several photos, none, or a sensor's data.
    struct.error
        The data end before what their directories promise.
    """
    pages = list(itertools.islice(_pages(data), _MOST_PAGES + 1))
    if len(pages) > _MOST_PAGES:
        raise InvalidValueError(f"holds more than {_MOST_PAGES} pages")
    if _is_of_sensor(data, pages):
        raise InvalidValueError("a camera's raw file: develop it and save it as TIFF or PNG")
    listed = [page for page, is_listed in pages if is_listed]
    within = [page for page, is_listed in pages if not is_listed]
    photos = [page for page in listed if not page.is_copy]
    photos = [page for page in photos if not _is_thumbnail(page, photos[0])]
    largest = max((page.width * page.height for page in photos), default=0)
    photos += [page for page in within if not page.is_copy and page.width * page.height > largest]
    if not photos and len(pages) == 1:
        photos = listed  # said to be a copy, but of nothing
    count = max(len(photos or listed), *(page.slices for page in photos or listed))
    if len(photos) != 1 or count != 1:
        raise InvalidValueError(f"holds {count} pages: save the one wanted as a file of its own")
    speaks = photos[0] if _ORIENTATION in photos[0].entries else listed[0]
    return PhotoPage(photos[0], len(pages) > 1, speaks.orientation)


def holds_sensor_data(data: bytes) -> bool:
    """Return whether a TIFF file is a camera's raw file; raises as :func:`photo_page` does."""
    return _is_of_sensor(data, list(itertools.islice(_pages(data), _MOST_PAGES)))


def _is_of_sensor(data: bytes, pages: list[tuple[TiffPage, bool]]) -> bool:
    return data[8:10] == b"CR" or any(page.is_raw for page, _ in pages)


def _pages(data: bytes) -> Iterator[tuple[TiffPage, bool]]:
    """Yield the pages that a file lists, and behind each those within it; True: listed."""
    directory = TiffDirectory.read(data)
    seen: set[int] = set()
    while directory.start not in seen:  # some lists lead back to their beginning
        seen.add(directory.start)
        page = TiffPage.read(directory)
        yield page, True
        for place in page.integers(330).tolist():
            yield TiffPage.read(TiffDirectory.read(data, place)), False
        following = directory.following()
        if following == 0:
            return
        directory = TiffDirectory.read(data, following)


def _is_thumbnail(page: TiffPage, photo: TiffPage) -> bool:
    """Return whether a page is the small copy that a camera adds to its photo (EXIF)."""
    if page is photo or not (34665 in photo.entries or _JPEG_PLACE in page.entries):
        return False
    across, down = photo.width / max(page.width, 1), photo.height / max(page.height, 1)
    return min(across, down) >= 4
