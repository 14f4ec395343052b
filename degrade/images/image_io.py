"""The only place in the project where images are decoded and encoded.

One policy, the same with every OpenCV version: pixels are sRGB; the EXIF orientation is applied;
8 and 16 bits are kept; gray becomes three equal channels, alpha is dropped, CMYK and other colour
spaces are converted (each is noted); animated, HDR and floating-point images are refused; the
header is read before the decoder, so a bomb is refused at no cost.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import AnyArray, FloatArray, U8Array, round_to_u8
from degrade.disk.files import make_folder, read_file, write_atomically
from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.colour import refuse_by_colour, to_srgb
from degrade.images.decoding import DECODERS
from degrade.images.flat_tail import flat_tail
from degrade.images.headers.extras import NeedsExtraError
from degrade.images.image_header import ImageHeader, read_header
from degrade.images.opencv import cv2
from degrade.images.orientation import upright
from degrade.images.png_writing import encode_png_quickly
from degrade.limits import MAX_PIXELS

__all__ = [
    "DECODING_VERSION",
    "FOREIGN_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Photo",
    "decode_photo",
    "encode_gray_png",
    "encode_png",
    "quantise",
    "read_photo",
    "read_photo_header",
    "write_png",
]

DECODING_VERSION = 2
"""Counts up when the same file gives other pixels. 2: colours become sRGB."""

_COMMON = (
    ".png .apng .jpg .jpeg .jpe .jfif .jif .pjpeg .pjp .mpo .jps .webp .tif .tiff .bmp .dib .pbm "
    ".pgm .ppm .pnm .heic .heif .hif .avif .jxl .jp2 .j2k .jpf .jpx"
)
_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf "
    ".raw .rw2 .rwl .sr2 .srf .srw .x3f"
)

IMAGE_SUFFIXES = frozenset(f"{_COMMON} {_RAW}".split())
"""File name endings, in lower case, by which folders are searched; the content decides the rest."""

FOREIGN_SUFFIXES = frozenset({".gif"})
"""Endings of photos in other formats: found too, so that they are refused by name, not missed."""

_STRIP = 256
_REMEDY = "replace, convert or remove the file"
_SAYS_WHAT_TO_DO = ("save it", "save the one", "develop it", "install")


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded image file.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        RGB, upright, read-only.
    sha256 : str
        Hex digest of the file's bytes.
    notes : tuple of str
        What decoding changed: ``gray``, ``alpha dropped``, ``CMYK converted``, ``rotated``,
        ``converted from Display P3``.
    alpha : (H, W) array or None
        Of the type of ``pixels``, when it was asked for and is there.
    profile : bytes or None
        The ICC profile of the pixels, when it was to be kept; None: they are sRGB.
    """

    pixels: AnyArray
    sha256: str
    notes: tuple[str, ...] = ()
    alpha: AnyArray | None = None
    profile: bytes | None = None

    def as_float(self) -> FloatArray:
        """Return the pixels as float32 RGB in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(np.iinfo(self.pixels.dtype).max)

    def as_u8(self) -> U8Array:
        """Return the pixels as uint8, 16-bit ones rounded to the nearest level."""
        return to_u8(self.pixels)


def to_u8(pixels: AnyArray) -> U8Array:
    """Return uint8 pixels as they are, and uint16 ones rounded to the nearest of 256 levels."""
    if pixels.dtype == np.uint8:
        return pixels
    levels = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(levels), _STRIP):  # no second copy of a large photo in 32 bits
        strip = pixels[top : top + _STRIP].astype(np.uint32)
        levels[top : top + _STRIP] = (strip + 128) // 257
    return levels


def read_photo(path: Path, *, max_pixels: int = MAX_PIXELS, keep_alpha: bool = False) -> Photo:
    """Read and decode one image file.

    Parameters
    ----------
    path : Path
        A regular file.
    max_pixels : int
        Larger images are refused before they are decoded.
    keep_alpha : bool
        As for :func:`decode_photo`.

    Raises
    ------
    InputError
        The file is missing, unreadable, no image, broken, cut short, too large, animated, of
        floating point or transparent in parts; the text names the file, the reason and what to do.
    """
    return decode_photo(read_file(path), path, max_pixels=max_pixels, keep_alpha=keep_alpha)


def read_photo_header(data: bytes, path: Path, *, max_pixels: int = MAX_PIXELS) -> ImageHeader:
    """Parse a file's header and refuse what :func:`decode_photo` would refuse by it.

    Raises
    ------
    InputError
        As for :func:`read_photo`.
    """
    try:
        header = read_header(data)
        refuse_by_colour(data, header)
    except InvalidValueError as error:
        raise InputError(path, _on_one_line(error), _remedy(error)) from None
    if header.width * header.height > max_pixels:
        size = f"{header.width}×{header.height}"
        raise InputError(
            path, f"{size} is more than {max_pixels} pixels", "crop it, or raise `max_pixels`"
        )
    if header.is_animated:
        raise InputError(path, "holds several images or a raw one", "save what is wanted as PNG")
    if header.is_float:
        raise InputError(path, "holds floating-point pixels", "save it as 8- or 16-bit PNG")
    if header.missing_end:
        raise InputError(path, "the file was cut short", "copy it again from its source")
    if header.least_bytes > len(data):
        what = f"{header.width}×{header.height} pixels do not fit into its {len(data)} bytes"
        raise InputError(path, what, "its header is wrong or its end is missing; replace it")
    return header


def decode_photo(
    data: bytes,
    path: Path,
    *,
    max_pixels: int = MAX_PIXELS,
    keep_alpha: bool = False,
    keep_profile: bool = False,
    header: ImageHeader | None = None,
    sha256: str | None = None,
) -> Photo:
    """Decode an image file given whole; ``path`` is used for messages only.

    Parameters
    ----------
    keep_alpha : bool
        Give the alpha channel, too, also of photos with transparent parts. Else it is dropped, and
        a photo of which some pixels are wholly transparent is refused: what lies there is no part
        of the picture. Where all are, nobody can have meant the channel.
    keep_profile : bool
        Leave the colours of a file with an ICC profile as they are and give the profile, instead
        of converting them to sRGB.
    header : ImageHeader or None
        What :func:`read_photo_header` returned for these data; None: parsed here.
    sha256 : str or None
        Of these data; None: computed here.

    Raises
    ------
    InputError
        As for :func:`read_photo`.
    """
    header = header or read_photo_header(data, path, max_pixels=max_pixels)
    try:
        decoded = DECODERS[header.format](data, header)
        ends_flat = flat_tail(decoded.pixels) > 0
        decoded = to_srgb(decoded, header, data, keep_profile=keep_profile)
    except InvalidValueError as error:
        raise InputError(path, _on_one_line(error), _remedy(error)) from None
    orientation = 1 if decoded.is_upright else header.orientation
    rgb = np.ascontiguousarray(upright(decoded.pixels, orientation))
    rgb.flags.writeable = False
    alpha = decoded.alpha if keep_alpha else None
    if alpha is not None:
        alpha = np.ascontiguousarray(upright(alpha, orientation))
    elif decoded.alpha is not None:
        _refuse_transparent(decoded.alpha, path)
    notes = decoded.notes
    if header.has_alpha and alpha is None:
        notes += ("alpha dropped",)
    if header.orientation != 1:
        notes += ("rotated",)
    if ends_flat:
        notes += ("ends in rows of one colour, perhaps cut off",)
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    return Photo(rgb, sha256, notes, alpha, decoded.profile)


def _refuse_transparent(alpha: AnyArray, path: Path) -> None:
    """Raise InputError where some of a photo is wholly transparent, and not all of it."""
    hidden = alpha.size - np.count_nonzero(alpha)
    if 0 < hidden < alpha.size:
        share = 100 * hidden / alpha.size
        told = "more than 99 % of it is" if share > 99 else f"{share:.2g} % of it is"
        if share < 0.1:
            told = "1 of its pixels is" if hidden == 1 else f"{hidden} of its pixels are"
        raise InputError(
            path,
            f"{told} transparent, and what lies there is arbitrary",
            "crop it to what is seen, or save it without transparency on a background",
        )


def _remedy(error: InvalidValueError) -> str:
    """Return what can be done; empty where the error says it itself."""
    if isinstance(error, NeedsExtraError):
        return error.remedy
    return "" if any(words in str(error) for words in _SAYS_WHAT_TO_DO) else _REMEDY


def _on_one_line(error: InvalidValueError) -> str:
    return " ".join(str(error).split())  # what libraries say has several


def quantise(image: FloatArray) -> U8Array:
    """Round float RGB in [0, 1] to uint8 once, clipping what lies outside; must be finite."""
    return round_to_u8(image * 255.0)


def encode_png(rgb_u8: AnyArray, *, level: int = 3, quickly: bool = False) -> bytes:
    """Encode an array as PNG.

    Parameters
    ----------
    rgb_u8 : (H, W, 3) uint8 or uint16 array
    level : int
        zlib's, 0…9.
    quickly : bool
        Pack differences to the row above, at libdeflate's quickest, whatever the level: of photos
        the files are a few percent larger, and made in a quarter of the time.

    Raises
    ------
    InvalidValueError
        The array is not as described.
    DegradeError
        The encoder refused it.
    """
    if rgb_u8.ndim != 3 or rgb_u8.shape[2] != 3 or 0 in rgb_u8.shape:
        raise InvalidValueError(f"pixels must be (H, W, 3), got {rgb_u8.shape}")
    if rgb_u8.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(f"pixels must be uint8 or uint16, got {rgb_u8.dtype}")
    if quickly:
        return encode_png_quickly(rgb_u8)
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb_u8), cv2.COLOR_RGB2BGR)
    return _encoded(bgr, [cv2.IMWRITE_PNG_COMPRESSION, level])


def encode_gray_png(plane_u8: U8Array, *, quickly: bool = False) -> bytes:
    """Encode a mask or a map as a PNG of one channel.

    Parameters
    ----------
    plane_u8 : (H, W) uint8 array
    quickly : bool
        As for :func:`encode_png`; masks become smaller by it.

    Raises
    ------
    InvalidValueError
        The array is not as described.
    DegradeError
        The encoder refused it.
    """
    if plane_u8.ndim != 2 or plane_u8.dtype != np.uint8 or 0 in plane_u8.shape:
        raise InvalidValueError(f"a plane must be (H, W) uint8, got {plane_u8.shape}")
    if quickly:
        return encode_png_quickly(plane_u8[..., None], level=2)
    return _encoded(np.ascontiguousarray(plane_u8), [cv2.IMWRITE_PNG_COMPRESSION, 3])


def _encoded(pixels: AnyArray, settings: list[int]) -> bytes:
    done, encoded = cv2.imencode(".png", pixels, settings)
    if not done:
        raise DegradeError(f"an image of shape {pixels.shape} could not be encoded as PNG")
    return encoded.tobytes()


def write_png(path: Path, rgb_u8: AnyArray, *, level: int = 3) -> None:
    """Encode and write a PNG atomically; the folder is made when missing.

    Raises
    ------
    DegradeError
        The file cannot be written.
    """
    make_folder(path.parent)
    write_atomically(path, encode_png(rgb_u8, level=level))
