"""The header of an image file, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ImageHeader"]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of one image file.

    Attributes
    ----------
    format : str
        ``avif``, ``bmp``, ``heif``, ``jpeg``, ``jpeg2000``, ``jpegxl``, ``png``, ``pnm``, ``raw``,
        ``tiff`` or ``webp``.
    width, height : int
        Stored size in pixels, before any EXIF rotation.
    channels : int
        As stored: 1 gray, 2 gray + alpha, 3 colour, 4 colour + alpha or CMYK.
    bit_depth : int
        Bits per channel as stored.
    orientation : int
        EXIF orientation 1…8; 1 when the file says nothing.
    is_animated, is_float, is_cmyk, has_alpha : bool
        More than one frame or image, or a raw one; floating-point samples; inks, not light; an
        alpha channel or transparent colour.
    white : int
        The level of white where a format lets a file say it (PNM); 0: all bits set.
    missing_end : bool
        The file stops before its format's end marker: it was cut.
    least_bytes : int
        A file with that many pixels is at least so long, be they of one colour; 0: not known.
    """

    format: str
    width: int
    height: int
    channels: int
    bit_depth: int
    orientation: int = 1
    is_animated: bool = False
    is_float: bool = False
    is_cmyk: bool = False
    has_alpha: bool = False
    white: int = 0
    missing_end: bool = False
    least_bytes: int = 0

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) after the EXIF orientation is applied."""
        swapped = self.orientation >= 5
        return (self.width, self.height) if swapped else (self.height, self.width)
