"""What a file says of its image before anything is decoded: format, size, depth, orientation.

Only headers are read, so a decompression bomb costs nothing. The formats are those that the
project decodes: PNG, JPEG, WebP, TIFF, BMP and the Netpbm family.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from degrade.errors import InvalidValueError
from degrade.images.tiff_directory import TiffDirectory, is_tiff

__all__ = ["ImageHeader", "read_header"]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# Start-of-frame markers: 0xC0…0xCF without DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of one image file.

    Attributes
    ----------
    format : str
        ``png``, ``jpeg``, ``webp``, ``tiff``, ``bmp`` or ``pnm``.
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
    tiff_alpha : int
        What a TIFF says of its alpha channel: 1, colours are multiplied by it; 2, they are not; 0,
        nothing.
    missing_end : bool
        The file stops before its format's end marker: it was cut.
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
    tiff_alpha: int = 0
    missing_end: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) after the EXIF orientation is applied."""
        swapped = self.orientation >= 5
        return (self.width, self.height) if swapped else (self.height, self.width)


def read_header(data: bytes) -> ImageHeader:
    """Parse the header of an image file given whole.

    Parameters
    ----------
    data : bytes
        The file's content.

    Raises
    ------
    InvalidValueError
        The data are empty, of no known format, or their header is damaged; the text says which.
    """
    if not data:
        raise InvalidValueError("the file is empty")
    try:
        header = _parse(data)
    except (struct.error, IndexError, KeyError) as error:
        raise InvalidValueError("its header is damaged or cut short") from error
    if header is None:
        raise InvalidValueError("not an image in a known format (PNG, JPEG, WebP, TIFF, BMP, PNM)")
    if header.width < 1 or header.height < 1:
        raise InvalidValueError(f"its header gives the size {header.width}×{header.height}")
    return header


def _parse(data: bytes) -> ImageHeader | None:
    if data.startswith(_PNG_SIGNATURE):
        return _parse_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _parse_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _parse_webp(data)
    if is_tiff(data):
        return _parse_tiff(data)
    if data[:2] == b"BM":
        return _parse_bmp(data)
    if re.match(rb"P[1-6]\s", data):
        return _parse_pnm(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        raise InvalidValueError("GIF holds 256 colours and animations, no photos: not supported")
    return None


def _parse_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise InvalidValueError("its PNG header is damaged")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    orientation, animated, transparent, ended = 1, False, colour in (4, 6), False
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8]
        if kind == b"IDAT":  # hundreds of them
            position += 12 + length
            continue
        if kind == b"eXIf":
            orientation = _exif_orientation(data[position + 8 : position + 8 + length])
        animated |= kind == b"acTL"
        transparent |= kind == b"tRNS"
        if kind == b"IEND":
            ended = position + 12 <= len(data)
            break
        position += 12 + length
    return ImageHeader(
        "png",
        width,
        height,
        _PNG_CHANNELS[colour],
        depth,
        orientation,
        is_animated=animated,
        has_alpha=transparent,
        missing_end=not ended,
    )


def _parse_jpeg(data: bytes) -> ImageHeader:
    frame: tuple[int, int, int, int] | None = None
    orientation, position, ended = 1, 2, False
    while not ended:
        # Entropy-coded data never hold 0xFF but as FF 00 or FF D0…D7, so the next other marker is
        # a real one; searching skips scans, fill bytes and nothing else.
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            break
        marker, start = found.group(1)[0], found.end()
        if marker == 0xD9:
            ended = True
            break
        if marker in (0xD8, 0x01):
            position = start
            continue
        if start + 2 > len(data):
            break
        (length,) = struct.unpack(">H", data[start : start + 2])
        if marker in _JPEG_FRAMES and frame is None:
            depth, height, width, channels = struct.unpack(">BHHB", data[start + 2 : start + 8])
            frame = (width, height, channels, depth)
        elif marker == 0xE1 and data[start + 2 : start + 8] == b"Exif\x00\x00":
            orientation = _exif_orientation(data[start + 8 : start + length])
        position = start + length
    if frame is None:
        raise InvalidValueError("its JPEG header is damaged or cut short")
    width, height, channels, depth = frame
    return ImageHeader(
        "jpeg",
        width,
        height,
        channels,
        depth,
        orientation,
        is_cmyk=channels == 4,
        missing_end=not ended,
    )


def _parse_webp(data: bytes) -> ImageHeader:
    (riff_length,) = struct.unpack("<I", data[4:8])
    kind, body = data[12:16], data[20:]
    orientation, animated, alpha = 1, False, False
    if kind == b"VP8X":
        flags = body[0]
        animated, alpha = bool(flags & 2), bool(flags & 16)
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        position = 12
        while flags & 8 and position + 8 <= len(data):
            (length,) = struct.unpack("<I", data[position + 4 : position + 8])
            if data[position : position + 4] == b"EXIF":
                exif = data[position + 8 : position + 8 + length]
                orientation = _exif_orientation(exif.removeprefix(b"Exif\x00\x00"))
            position += 8 + length + length % 2
    elif kind == b"VP8 ":
        width, height = (n & 0x3FFF for n in struct.unpack("<HH", body[6:10]))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", body[1:5])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        alpha = bool(bits >> 28 & 1)
    else:
        raise InvalidValueError("its WebP header is damaged")
    return ImageHeader(
        "webp",
        width,
        height,
        4 if alpha else 3,
        8,
        orientation,
        is_animated=animated,
        has_alpha=alpha,
        missing_end=len(data) < riff_length + 8,
    )


def _tiff_tags(data: bytes) -> tuple[dict[int, list[int]], int]:
    """Return the integer tags of the first directory and the offset of the next one (0: none)."""
    directory = TiffDirectory.read(data)
    tags: dict[int, list[int]] = {}
    for entry in directory.entries():
        code = {1: "B", 3: "H", 4: "I"}.get(entry.type)
        if code is None or entry.count > 64:
            continue
        values = directory.value_bytes(entry, struct.calcsize(code) * entry.count)
        tags[entry.tag] = list(struct.unpack(f"{directory.order}{entry.count}{code}", values))
    return tags, directory.following()


def _parse_tiff(data: bytes) -> ImageHeader:
    tags, following = _tiff_tags(data)
    channels, is_cmyk = tags.get(277, [1])[0], tags.get(262) == [5]
    # Cameras' raw files are TIFF: their first image is a thumbnail (tag 254) beside others (330),
    # or the bare sensor (32803 in tag 262). Taking that for the photo would be worse than nothing.
    is_raw = bool(tags.get(254, [0])[0] & 1) or 330 in tags or tags.get(262) == [32803]
    return ImageHeader(
        "tiff",
        tags[256][0],
        tags[257][0],
        channels,
        tags.get(258, [1])[0],
        _valid_orientation(tags.get(274, [1])[0]),
        is_animated=following != 0 or is_raw,
        is_float=3 in tags.get(339, [1]),
        is_cmyk=is_cmyk,
        has_alpha=channels in (2, 4) and not is_cmyk,
        tiff_alpha=tags.get(338, [0])[0],
    )


def _exif_orientation(exif: bytes) -> int:
    """Return the orientation of an EXIF block; 1 when the block is damaged, as viewers do."""
    try:
        if not is_tiff(exif):
            return 1
        return _valid_orientation(_tiff_tags(exif)[0].get(274, [1])[0])
    except (struct.error, IndexError):
        return 1


def _valid_orientation(value: int) -> int:
    return value if 1 <= value <= 8 else 1


def _parse_bmp(data: bytes) -> ImageHeader:
    (header_size,) = struct.unpack("<I", data[14:18])
    if header_size == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        width, height, _, bits = struct.unpack("<iiHH", data[18:30])
    return ImageHeader("bmp", width, abs(height), 4 if bits == 32 else 3, 8)


def _parse_pnm(data: bytes) -> ImageHeader:
    fields: list[int] = []
    position, wanted = 2, 2 if data[1:2] in b"14" else 3
    while len(fields) < wanted:
        found = re.compile(rb"(?:\s|#[^\n]*\n)*(\d+)").match(data, position)
        if found is None:
            raise InvalidValueError("its PNM header is damaged")
        fields.append(int(found.group(1)[:9]))
        position = found.end()
    channels = 3 if data[1:2] in b"36" else 1
    peak = fields[2] if wanted == 3 else 255
    if peak not in (255, 65535):
        # The decoder leaves such values as they are: a photo too dark by that factor.
        raise InvalidValueError(f"its PNM header gives white as {peak}, not as 255 or 65535")
    depth = 16 if peak > 255 else 8
    return ImageHeader("pnm", fields[0], fields[1], channels, depth)
