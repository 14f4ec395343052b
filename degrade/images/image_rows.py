"""Encoding an image a few rows at a time, so that one of any size needs little memory.

PNG and TIFF are written as their rows come. JPEG and WebP have no such encoder here: the 8-bit
image is collected, and encoded when it is complete.
"""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeAlias

import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.errors import DegradeError, InvalidValueError
from degrade.images.embedding import jpeg_with_profile, png_profile_chunk, webp_with_profile
from degrade.images.opencv import cv2
from degrade.images.png_writing import begin_png, write_png_chunk

__all__ = ["ROW_FORMATS", "EncodingError", "RowEncoder", "RowFormat", "RowLayout", "open_rows"]

RowFormat: TypeAlias = Literal["png", "jpeg", "tiff", "webp"]

_QUALITY = 95
_STRIP_BYTES = 1 << 20
_TIFF_END = 2**32


class EncodingError(DegradeError):
    """The format cannot hold these pixels; the text says why and what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatLimits:
    """What a format can hold: its ending, the longest side in pixels, 16 bits, transparency."""

    suffix: str
    longest_side: int
    deep: bool
    alpha: bool


ROW_FORMATS: dict[RowFormat, FormatLimits] = {
    "png": FormatLimits(suffix=".png", longest_side=2**31 - 1, deep=True, alpha=True),
    "jpeg": FormatLimits(suffix=".jpg", longest_side=65500, deep=False, alpha=False),
    "tiff": FormatLimits(suffix=".tif", longest_side=2**31 - 1, deep=True, alpha=True),
    "webp": FormatLimits(suffix=".webp", longest_side=16383, deep=False, alpha=True),
}
"""Every format that can be written, by the name that users give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """What an image is, before its pixels are there.

    Attributes
    ----------
    height, width : int
        In pixels.
    channels : {1, 3, 4}
        Gray, RGB, RGB and alpha.
    bits : {8, 16}
        Of a channel: rows are uint8 or uint16.
    profile : bytes or None
        The ICC profile of the pixels, put into the file. None: they are sRGB.
    """

    height: int
    width: int
    channels: int
    bits: int
    profile: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InvalidValueError(f"an image has a pixel, got {self.height}×{self.width}")
        if self.channels not in (1, 3, 4) or self.bits not in (8, 16):
            raise InvalidValueError(
                f"there are 1, 3 or 4 channels of 8 or 16 bits, got {self.channels} of {self.bits}"
            )

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.width * self.channels * self.bits // 8


class RowEncoder(ABC):
    """An image file on its way: all rows in order, then :meth:`finish`."""

    def __init__(self, file: BinaryIO, layout: RowLayout) -> None:
        self._file = file
        self._layout = layout
        self._rows = 0

    def write(self, rows: AnyArray) -> None:
        """Add rows.

        Parameters
        ----------
        rows : (h, width, channels) uint8 or uint16 array
            RGB order, on the full range of the type.

        Raises
        ------
        InvalidValueError
            They are not as the layout says, or more than it says.
        EncodingError
            The file would become too large for its format.
        OSError
            The file cannot be written.
        """
        layout = self._layout
        self._rows += len(rows)
        fits = rows.ndim == 3 and rows.shape[1:] == (layout.width, layout.channels)
        if not fits or rows.dtype.name != f"uint{layout.bits}" or self._rows > layout.height:
            raise InvalidValueError(
                f"rows must be those of {layout}, got {rows.shape} {rows.dtype} as the last of "
                f"{self._rows}"
            )
        self._add(rows)

    def finish(self) -> None:
        """Write what ends the file.

        Raises
        ------
        InvalidValueError
            Rows are missing.
        EncodingError
            The encoder refused the image, or its file would become too large.
        OSError
            The file cannot be written.
        """
        if self._rows < self._layout.height:
            raise InvalidValueError(f"{self._rows} of {self._layout.height} rows were written")
        self._end()

    @abstractmethod
    def _add(self, rows: AnyArray) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...


def open_rows(file: BinaryIO, format: RowFormat, layout: RowLayout) -> RowEncoder:
    """Begin an image file.

    Parameters
    ----------
    file : binary file
        Open for writing, seekable, at its beginning.
    format : {"png", "jpeg", "tiff", "webp"}
    layout : RowLayout

    Raises
    ------
    InvalidValueError
        The format has no 16 bits, no alpha or not so many pixels a side.
    OSError
        The file cannot be written.
    """
    limits = ROW_FORMATS[format]
    if max(layout.height, layout.width) > limits.longest_side:
        raise InvalidValueError(
            f"{layout.width}×{layout.height} is too large for {format}, which ends at "
            f"{limits.longest_side} pixels a side"
        )
    if (layout.bits == 16 and not limits.deep) or (layout.channels == 4 and not limits.alpha):
        raise InvalidValueError(f"{format} does not hold {layout}")
    if format == "png":
        return _PngEncoder(file, layout)
    if format == "tiff":
        return _TiffEncoder(file, layout)
    return _CollectingEncoder(file, layout, ROW_FORMATS[format].suffix)


class _PngEncoder(RowEncoder):
    """PNG (ISO 15948): every row filtered by 'Average', one deflate stream over all."""

    def __init__(self, file: BinaryIO, layout: RowLayout) -> None:
        super().__init__(file, layout)
        # What filtering leaves of photos holds no repetitions but runs: looking for others makes
        # files no smaller and takes three times as long (measured).
        self._deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
        self._above = np.zeros(layout.row_bytes, np.uint8)
        begin_png(file, layout.width, layout.height, bits=layout.bits, channels=layout.channels)
        if layout.profile is not None:
            write_png_chunk(file, b"iCCP", png_profile_chunk(layout.profile))

    def _add(self, rows: AnyArray) -> None:
        strip = max(1, _STRIP_BYTES // self._layout.row_bytes)
        for top in range(0, len(rows), strip):
            filtered = self._filtered(_as_bytes(rows[top : top + strip], ">"))
            if compressed := self._deflate.compress(filtered.data):
                write_png_chunk(self._file, b"IDAT", compressed)

    def _filtered(self, rows: U8Array) -> U8Array:
        """Return rows of bytes, each behind its filter's number and minus its prediction."""
        pixel = self._layout.channels * self._layout.bits // 8
        above = np.concatenate((self._above[None], rows[:-1])).astype(np.uint16)
        above[:, pixel:] += rows[:, :-pixel]
        self._above = rows[-1].copy()
        filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 0] = 3
        np.subtract(rows, (above >> 1).astype(np.uint8), out=filtered[:, 1:])
        return filtered

    def _end(self) -> None:
        write_png_chunk(self._file, b"IDAT", self._deflate.flush())
        write_png_chunk(self._file, b"IEND", b"")


class _TiffEncoder(RowEncoder):
    """TIFF 6.0: strips compressed by deflate after horizontal differencing; directory last."""

    def __init__(self, file: BinaryIO, layout: RowLayout) -> None:
        super().__init__(file, layout)
        self._rows_per_strip = min(layout.height, max(1, _STRIP_BYTES // layout.row_bytes))
        self._waiting: list[AnyArray] = []
        self._strips: list[tuple[int, int]] = []
        file.write(b"II*\x00" + bytes(4))  # the directory's place is not known yet

    def _add(self, rows: AnyArray) -> None:
        step = self._rows_per_strip
        waiting = np.concatenate((*self._waiting, rows)) if self._waiting else rows
        whole = len(waiting) - len(waiting) % step
        for top in range(0, whole, step):
            self._add_strip(waiting[top : top + step])
        self._waiting = [waiting[whole:].copy()] if whole < len(waiting) else []

    def _add_strip(self, rows: AnyArray) -> None:
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]
        deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
        data = deflate.compress(_as_bytes(differences, "<").data) + deflate.flush()
        self._strips.append((self._file.tell(), len(data)))
        self._write_below_the_end(data)

    def _write_below_the_end(self, data: bytes) -> None:
        if self._file.tell() + len(data) > _TIFF_END:
            raise EncodingError("a TIFF file ends at 4 GiB, and this image needs more; use PNG")
        self._file.write(data)

    def _end(self) -> None:
        if self._waiting:
            self._add_strip(self._waiting[0])
        self._write_below_the_end(bytes(self._file.tell() % 2))
        place = self._file.tell()
        offsets, sizes = zip(*self._strips, strict=True)
        layout = self._layout
        tags = {
            256: (layout.width,),
            257: (layout.height,),
            258: (layout.bits,) * layout.channels,
            259: (8,),
            262: (1 if layout.channels == 1 else 2,),
            273: offsets,
            277: (layout.channels,),
            278: (self._rows_per_strip,),
            279: sizes,
            284: (1,),
            317: (2,),
        }
        if layout.channels == 4:
            tags[338] = (2,)  # alpha with which the colours are not multiplied
        self._write_below_the_end(_tiff_directory(tags, place, layout.profile))
        self._file.seek(4)
        self._file.write(struct.pack("<I", place))


def _tiff_directory(
    tags: dict[int, tuple[int, ...]], place: int, profile: bytes | None = None
) -> bytes:
    """Return the directory that lies at ``place``, followed by the values that it points at."""
    number = len(tags) + (profile is not None)
    values_at = place + 2 + 12 * number + 4
    entries, values = struct.pack("<H", number), b""
    for tag, numbers in tags.items():
        # Sizes and places are 32-bit (kind 4), all others 16-bit (kind 3).
        kind, code = (4, "I") if tag in (256, 257, 273, 278, 279) else (3, "H")
        data = struct.pack(f"<{len(numbers)}{code}", *numbers)
        if len(data) > 4:
            entries += struct.pack("<HHII", tag, kind, len(numbers), values_at + len(values))
            values += data + bytes(len(data) % 4)
        else:
            entries += struct.pack("<HHI", tag, kind, len(numbers)) + data.ljust(4, b"\x00")
    if profile is not None:  # its tag is the highest, and tags are in order
        entries += struct.pack("<HHII", 34675, 7, len(profile), values_at + len(values))
        values += profile
    return entries + bytes(4) + values


class _CollectingEncoder(RowEncoder):
    """JPEG and WebP by OpenCV, of quality 95; the image is held whole, once."""

    def __init__(self, file: BinaryIO, layout: RowLayout, suffix: str) -> None:
        super().__init__(file, layout)
        self._suffix = suffix
        # As the encoder wants it, so that there is no second copy.
        self._bgr = np.empty((layout.height, layout.width, layout.channels), np.uint8)

    def _add(self, rows: AnyArray) -> None:
        place = self._bgr[self._rows - len(rows) : self._rows]
        colours = min(3, self._layout.channels)
        place[..., :colours] = rows[..., :colours][..., ::-1]
        place[..., colours:] = rows[..., colours:]

    def _end(self) -> None:
        settings = [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
        if self._suffix == ".jpg":
            full_colour = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
            settings = [
                cv2.IMWRITE_JPEG_QUALITY,
                _QUALITY,
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                full_colour,
            ]
        try:
            done, encoded = cv2.imencode(self._suffix, self._bgr, settings)
        except cv2.error:
            done = False
        if not done:
            raise EncodingError(f"{self._layout} could not be encoded; use PNG")
        self._file.write(self._with_profile(encoded.data))

    def _with_profile(self, encoded: memoryview) -> bytes | memoryview:
        layout = self._layout
        if layout.profile is None:
            return encoded
        if self._suffix == ".jpg":
            return jpeg_with_profile(encoded.tobytes(), layout.profile)
        return webp_with_profile(encoded.tobytes(), layout.profile, layout.width, layout.height)


def _as_bytes(rows: AnyArray, order: Literal["<", ">"]) -> U8Array:
    """Return rows (h, w, c) as (h, bytes); 16-bit values in the byte order given."""
    ordered = np.ascontiguousarray(rows, rows.dtype.newbyteorder(order))
    return ordered.view(np.uint8).reshape(len(rows), -1)
