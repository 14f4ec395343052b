"""TIFF that is refused: with its true reason, when damaged, and never by anything but a refusal."""

from __future__ import annotations

import io
import random
import resource
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InputError
from tests.tiff_files import (
    COMPRESSIONS,
    HEIGHT,
    WIDTH,
    Tags,
    noise,
    read,
    scene,
    tags_of,
    tiff_file,
    written,
)


def of(**tags: Any) -> bytes:
    """Return a file of gray, with other tags."""
    pixels = noise((HEIGHT, WIDTH))
    return tiff_file(
        ({**tags_of(pixels), **{int(k[1:]): v for k, v in tags.items()}}, [bytes(WIDTH * HEIGHT)])
    )


REFUSED = {
    "floating-point": written(np.ones((8, 8), np.float32)),
    "floating": written(np.ones((8, 8, 3), np.float16), photometric="rgb"),
    "signed": written(np.ones((8, 8), np.int16)),
    "32 bits": written(np.ones((8, 8), np.uint32)),
    "24 bits": of(t258=24),
    "ICC's Lab": of(t262=9, t277=3, t258=8),
    "LogLuv": of(t262=32845, t277=3),
    "LogL ": of(t262=32844),
    "camera's raw file": of(t262=32803),
    "unknown kind": of(t262=77),
    "transparency mask": of(t262=4),
    "bands of which it does not say": of(t277=3, t258=(8, 8, 8)),
    "5, 6, 5 bits": of(t262=2, t277=3, t258=(5, 6, 5)),
    "other inks": of(t262=5, t277=4, t258=(8,) * 4, t332=2),
    "CCITT fax 4": of(t259=4, t258=1),
    "CCITT fax 3": of(t259=3, t258=1),
    "CCITT Huffman": of(t259=2, t258=1),
    "JPEG of the old style": of(t259=6),
    "JPEG is of 2 samples": of(t258=(8, 8), t277=2, t259=7),
    "ThunderScan": of(t259=32809, t258=4),
    "JPEG 2000": of(t259=34712),
    "an unknown one": of(t259=999),
    "differences of kind 3": of(t259=8, t317=3),
    "1-bit samples": of(t259=8, t317=2, t258=1),
    "palette has 0 values": of(t262=3),
    "holds 3 pages": written(np.zeros((3, 8, 8), np.uint8), photometric="minisblack"),
    "tiles are of": of(t322=2**20, t323=16, t324=8, t325=8),
    "lists 0 of its 1 segments": of(t273=()),
    "is missing": of(t273=0),
    "lies beyond the end": of(t273=10**6),
    "shares colours": of(t262=6, t277=3, t258=(8, 8, 8), t530=(3, 1)),
    "samples a pixel": of(t277=4000),
    "bytes cannot hold": of(t256=9000, t257=9000, t278=9000),
    "cut into 3000000 segments": of(t257=3 * 10**6, t278=1),
    "bytes for pixels": tiff_file(
        ({256: WIDTH, 257: HEIGHT, 262: 1}, [noise((HEIGHT, WIDTH)).tobytes()])
    ),
    "expands": of(t256=9000, t257=9000, t278=9000, t259=8),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_decode_tiff_refuses_by_the_true_reason(reason: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(REFUSED[reason])
    assert {"expands": "bytes cannot hold"}.get(reason, reason) in str(refusal.value)


@pytest.mark.parametrize("packing", [*COMPRESSIONS, "JPEG"])
def test_decode_tiff_refuses_damaged_segments(
    packing: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of 100 files damaged in their segments, by zeros, junk or a cut, in turn."""
    options = COMPRESSIONS.get(packing, {"compression": "jpeg", "compressionargs": {"level": 95}})
    tile = {"tile": (64, 64)} if packing == "JPEG XL" else {"rowsperstrip": 16}
    data = written(scene(), photometric="rgb", **options, **tile)
    sound = read(data).pixels
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        start = min(page.dataoffsets)
        end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
    accepted = {"zeros": 0, "junk": 0, "cut": 0}
    for number in range(100):
        chance = random.Random(number)
        kind = ("zeros", "junk", "cut")[number % 3]
        at = chance.randrange(start, end - 1)
        block = bytes(256) if kind == "zeros" else chance.randbytes(64)
        stop = min(at + len(block), end)
        damaged = data[:at] if kind == "cut" else data[:at] + block[: stop - at] + data[stop:]
        try:
            accepted[kind] += not np.array_equal(read(damaged).pixels, sound)
        except InputError as error:
            assert error.reason
    assert capfd.readouterr() == ("", "")
    assert accepted["cut"] == 0
    # These have no checksum, or only where a decoder need not look: docs/faults.md says so.
    blind = {"none": 67, "PackBits": 40, "Zstandard": 50, "JPEG": 12}
    assert accepted["zeros"] + accepted["junk"] <= blind.get(packing, 0)


def test_decode_tiff_refuses_a_bomb_before_it_takes_memory() -> None:
    """Strips that say they hold 12000×12000 pixels: one of 9 KB, and one that would unpack."""
    many = imagecodecs.zlib_encode(bytes(10**6))
    tags: Tags = {256: 12000, 257: 12000, 258: (8, 8, 8), 259: 8, 262: 2, 277: 3, 278: 12000}
    for strip in (b"x" * 9000, many):
        with pytest.raises(InputError, match="bytes cannot hold"):
            read(tiff_file((tags, [strip])))


BASES = [
    written(noise((9, 21, 3)), photometric="rgb", rowsperstrip=4),
    written(noise((9, 21, 3)), photometric="rgb", tile=(16, 16), compression="zlib", bigtiff=True),
    written(noise((9, 21), 16), photometric="miniswhite", compression="lzw", predictor=2),
    written(noise((9, 21, 3)), photometric="rgb", compression="jpeg", byteorder=">"),
    written(noise((9, 21, 4)), photometric="rgb", extrasamples=["assocalpha"]),
    written(noise((9, 21, 3)), photometric="rgb", compression="jpegxl"),
    written(noise((9, 21, 3)), photometric="rgb", compression="webp"),
    written(noise((9, 21)), photometric="minisblack", compression="lerc"),
    written(noise((9, 21)), photometric="palette", colormap=noise((3, 256), 16)),
    written(np.moveaxis(noise((9, 21, 3)), 2, 0), photometric="rgb", planarconfig="separate"),
]


@settings(max_examples=400)
@given(
    st.sampled_from(BASES),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 2, 3, 5, 7, 8, 16, 32, 127, 128, 255])),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_decode_tiff_raises_nothing_but_input_errors(
    data: bytes, changes: list[tuple[float, int]], in_directory: bool
) -> None:
    """Of any header, in bounded memory and time, twice the same."""
    large, order = data[2:4] in (b"+\0", b"\0+"), "little" if data[:2] == b"II" else "big"
    start = int.from_bytes(data[8:16] if large else data[4:8], order) if in_directory else 0
    damaged = bytearray(data)
    for where, value in changes:
        span = min(len(data) - start, 320)
        damaged[start + int(where * (span - 1))] = value
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        photo = read(bytes(damaged), keep_alpha=True, max_pixels=10**6)
    except InputError:
        return
    finally:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 100_000, f"{grown} KiB more"
    assert photo.pixels.shape[2:] == (3,)
    assert photo.pixels.dtype in (np.uint8, np.uint16)
    again = read(bytes(damaged), keep_alpha=True)
    assert again.pixels.tobytes() == photo.pixels.tobytes()
