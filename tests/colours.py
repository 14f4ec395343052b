"""Colour profiles and image files that carry them, for tests; and what their colours are.

The references are computed from the definitions of the spaces in float64, apart from the code that
they test.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Doubles = npt.NDArray[np.float64]

D65, D50 = (0.3127, 0.3290), (0.34567, 0.35850)
SRGB = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
DISPLAY_P3 = (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_RGB = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PROPHOTO = (*D50, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
PROFILE_WHITE = np.array([0.9642, 1.0, 0.8249])


def decode_srgb(v: Doubles) -> Doubles:
    return np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)


def encode_srgb(light: Doubles) -> Doubles:
    light = np.clip(light, 0, 1)
    return np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)


def rgb_to_xyz(chromaticities: Sequence[float], white: Sequence[float] | None = None) -> Doubles:
    """Return the matrix to XYZ with ``white`` as white, Bradford's way; None: as it is."""
    x, y = np.array(chromaticities).reshape(4, 2).T
    columns = np.array([x / y, np.ones(4), (1 - x - y) / y])
    own = columns[:, 0]
    matrix = columns[:, 1:] @ np.diag(np.linalg.inv(columns[:, 1:]) @ own)
    if white is None:
        return matrix
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    gain = np.diag((cones @ np.array(white)) / (cones @ own))
    return np.linalg.inv(cones) @ gain @ cones @ matrix


def to_srgb_reference(
    stored: Doubles, chromaticities: Sequence[float], decode: Callable[[Doubles], Doubles]
) -> Doubles:
    """Return sRGB values on [0, 1], not rounded, of (..., 3) stored ones on [0, 1]."""
    xyz = decode(stored) @ rgb_to_xyz(chromaticities, PROFILE_WHITE).T
    return encode_srgb(xyz @ np.linalg.inv(rgb_to_xyz(SRGB, PROFILE_WHITE)).T)


# Profiles


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def gamma_tag(gamma: float) -> bytes:
    return struct.pack(">4s4xIH", b"curv", 1, round(gamma * 256))


def curve_tag(curve: Callable[[Doubles], Doubles], points: int = 1024) -> bytes:
    levels = np.rint(curve(np.linspace(0, 1, points)) * 65535).astype(">u2")
    return struct.pack(">4s4xI", b"curv", points) + levels.tobytes()


def parametric_tag(kind: int, *values: float) -> bytes:
    return struct.pack(">4s4xHxx", b"para", kind) + _fixed(values)


LINEAR_TAG = struct.pack(">4s4xI", b"curv", 0)
SRGB_TAG = parametric_tag(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def name_tag(name: str, version: int) -> bytes:
    if version >= 4:
        text = name.encode("utf-16-be")
        return struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(text), 28) + text
    text = name.encode("latin-1") + b"\0"
    return struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(78)


def build_profile(
    tags: Mapping[bytes, bytes],
    *,
    space: bytes = b"RGB ",
    connection: bytes = b"XYZ ",
    device: bytes = b"mntr",
    version: int = 2,
) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        directory += struct.pack(">4sII", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12x4s28x12s",
        start + len(body),
        b"test",
        version << 24,
        device,
        space,
        connection,
        b"acsp",
        _fixed(PROFILE_WHITE),
    )
    return header.ljust(128, b"\0") + directory + body


def matrix_profile(
    chromaticities: Sequence[float], curve: bytes, *, name: str = "Test RGB", version: int = 2
) -> bytes:
    red, green, blue = rgb_to_xyz(chromaticities, PROFILE_WHITE).T
    tags = {
        b"desc": name_tag(name, version),
        b"wtpt": xyz_tag(PROFILE_WHITE),
        b"rXYZ": xyz_tag(red),
        b"gXYZ": xyz_tag(green),
        b"bXYZ": xyz_tag(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return build_profile(tags, version=version)


def display_p3(name: str = "Display P3") -> bytes:
    return matrix_profile(DISPLAY_P3, SRGB_TAG, name=name, version=4)


def gray_profile(curve: bytes, *, name: str = "Test Gray", connection: bytes = b"XYZ ") -> bytes:
    tags = {b"desc": name_tag(name, 2), b"wtpt": xyz_tag(PROFILE_WHITE), b"kTRC": curve}
    return build_profile(tags, space=b"GRAY", connection=connection)


def xyz_to_lab(xyz: Doubles) -> Doubles:
    t = xyz / PROFILE_WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.stack(
        (116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), -1
    )


def _grid(function: Callable[[Doubles], Doubles], channels: int, points: int) -> Doubles:
    axes = np.meshgrid(*[np.linspace(0, 1, points)] * channels, indexing="ij")
    return function(np.stack(axes, -1).reshape(-1, channels))


def lab_table_tag(
    to_xyz: Callable[[Doubles], Doubles], channels: int, points: int, *, bits: int = 16
) -> bytes:
    """Return a lut16Type or lut8Type from stored values to Lab of version 2."""
    lab = xyz_to_lab(_grid(to_xyz, channels, points))
    scaled = (lab + np.array([0, 128, 128])) / [100, 255, 255]
    head = struct.pack(">4B", channels, 3, points, 0) + _fixed(np.eye(3).ravel())
    if bits == 8:
        ends = bytes(range(256))
        grid = np.rint(np.clip(scaled * [255, 255, 255], 0, 255)).astype(np.uint8)
        return b"mft1\0\0\0\0" + head + ends * channels + grid.tobytes() + ends * 3
    scaled = scaled * [65280, 65280, 65280]
    grid = np.rint(np.clip(scaled, 0, 65535)).astype(">u2")
    ends = struct.pack(">2H", 0, 65535)
    return (
        b"mft2\0\0\0\0" + head + struct.pack(">HH", 2, 2)
        + ends * channels + grid.tobytes() + ends * 3
    )  # fmt: skip


def table_profile(
    to_xyz: Callable[[Doubles], Doubles],
    channels: int,
    points: int,
    *,
    name: str = "Test Scanner",
    bits: int = 16,
) -> bytes:
    space = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}[channels]
    tags = {
        b"desc": name_tag(name, 2),
        b"wtpt": xyz_tag(PROFILE_WHITE),
        b"A2B0": lab_table_tag(to_xyz, channels, points, bits=bits),
    }
    return build_profile(tags, space=space, connection=b"Lab ", device=b"scnr")


def inks_to_light(inks: Doubles) -> Doubles:
    """Return linear sRGB of inks on [0, 1]: each takes its colour, black takes all."""
    return np.clip(1 - 0.9 * inks[..., :3], 0, 1) ** 2 * (1 - 0.98 * inks[..., 3:]) ** 2


def inks_to_xyz(inks: Doubles) -> Doubles:
    return inks_to_light(inks) @ rgb_to_xyz(SRGB, PROFILE_WHITE).T


def ink_profile(name: str = "Test Press", points: int = 17) -> bytes:
    return table_profile(inks_to_xyz, 4, points, name=name)


# Files


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(pixels: npt.NDArray[np.generic], *chunks: bytes) -> bytes:
    """Return a PNG of (H, W) or (H, W, 3) uint8 or uint16 pixels with chunks behind IHDR."""
    height, width = pixels.shape[:2]
    bits, colour = 8 * pixels.itemsize, 0 if pixels.ndim == 2 else 2
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    stride = len(rows) // height
    raw = b"".join(b"\0" + rows[i : i + stride] for i in range(0, len(rows), stride))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)),
            *chunks,
            png_chunk(b"IDAT", zlib.compress(raw)),
            png_chunk(b"IEND", b""),
        )
    )


def iccp(profile: bytes) -> bytes:
    return png_chunk(b"iCCP", b"a name\0\0" + zlib.compress(profile))


def gama(gamma: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100000)))


def chrm(chromaticities: Sequence[float]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(v * 100000) for v in chromaticities)))


def cicp(*values: int) -> bytes:
    return png_chunk(b"cICP", bytes(values))


SRGB_CHUNK = png_chunk(b"sRGB", b"\0")


def with_pillow(pixels: npt.NDArray[np.uint8], format: str, **options: object) -> bytes:
    """Return an image file as Pillow writes it; four channels are inks, (H, W) is gray."""
    mode = "L" if pixels.ndim == 2 else {3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    file = io.BytesIO()
    image = Image.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())
    image.save(file, format, **options)
    return file.getvalue()


def exif_of_adobe_rgb(order: str = "<", *, index: bytes = b"R03\0", space: int = 0xFFFF) -> bytes:
    """Return EXIF data as a camera set to Adobe RGB writes them."""
    entry = order + "HHI4s"
    code = order + "I"

    def directory(*entries: tuple[int, int, int, bytes]) -> bytes:
        packed = b"".join(struct.pack(entry, *values) for values in entries)
        return struct.pack(order + "H", len(entries)) + packed + bytes(4)

    exif_at = 8 + 2 + 12 + 4
    inner_at = exif_at + 2 + 24 + 4
    start = b"II*\0" if order == "<" else b"MM\0*"
    return b"".join(
        (
            start + struct.pack(code, 8),
            directory((34665, 4, 1, struct.pack(code, exif_at))),
            directory(
                (40961, 3, 1, struct.pack(order + "H2x", space)),
                (40965, 4, 1, struct.pack(code, inner_at)),
            ),
            directory((1, 2, 4, index)),
        )
    )


def colour_grid(points: int = 9, dtype: type = np.uint8) -> npt.NDArray[np.generic]:
    """Return (points², points, 3) colours, the corners of the cube and what lies between."""
    peak = np.iinfo(dtype).max
    values = np.rint(np.linspace(0, peak, points))
    return np.stack(np.meshgrid(values, values, values), -1).reshape(-1, points, 3).astype(dtype)


Decode: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From what is stored to light."""


def power(gamma: float) -> Decode:
    """Return the curve of a gamma."""
    return lambda v: v**gamma
