"""Every kind of TIFF against the array that was written, or against the reason to refuse it."""

from __future__ import annotations

import io
import itertools
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InputError
from degrade.images.image_io import Photo, decode_photo
from degrade.images.image_rows import RowLayout, open_rows
from degrade.images.orientation import upright
from tests.tiff_files import Tags, tags_of, tiff_file, written

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


@pytest.mark.parametrize("packing", COMPRESSIONS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_decode_tiff_gives_what_was_written(name: str, packing: str) -> None:
    """Of 8 and 16 bits, in both byte orders, in strips and tiles, small and large form."""
    for bits, order, tile in itertools.product((8, 16), "<>", (None, (16, 32))):
        if packing.startswith(("JPEG XL", "LERC")) and (bits, order) == (16, ">"):
            continue  # tifffile does not write it
        if packing == "JPEG XL" and name == "five samples":
            continue
        array, rgb, options = layout(name, bits)
        shape = {"tile": tile} if tile else {"rowsperstrip": 10}
        large = {"byteorder": order, "bigtiff": tile is not None}
        data = written(array, **options, **COMPRESSIONS[packing], **shape, **large)
        photo = read(data)
        assert photo.pixels.dtype == rgb.dtype
        np.testing.assert_array_equal(photo.pixels, rgb)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_tiff_turns_every_layout_upright_once(orientation: int) -> None:
    for name, packing, bits in itertools.product(LAYOUTS, ("none", "LZW"), (8, 16)):
        array, rgb, options = layout(name, bits)
        tag = [(274, 3, 1, orientation, True)]
        data = written(array, **options, **COMPRESSIONS[packing], extratags=tag)
        photo = read(data)
        np.testing.assert_array_equal(photo.pixels, upright(rgb, orientation))
        assert ("rotated" in photo.notes) == (orientation != 1)


def packed(values: np.ndarray, bits: int) -> bytes:
    """Return rows of values, the first bit first, each row on whole bytes."""
    rows = values.reshape(len(values), -1)
    each = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(each.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_decode_tiff_scales_other_depths_to_the_full_range(bits: int, photometric: int) -> None:
    peak = 2**bits - 1
    samples = 3 if photometric == 2 else 1
    values = np.random.default_rng(bits).integers(0, peak + 1, (HEIGHT, WIDTH, samples))
    values[0, :2] = [[0], [peak]]
    tags: Tags = {**tags_of(values), 258: (bits,) * samples, 262: photometric}
    raw = packed(values, bits)
    if bits == 16:
        raw = values.astype("<u2").tobytes()
    for packing, strip in ((1, raw), (8, imagecodecs.zlib_encode(raw))):
        got = read(tiff_file(({**tags, 259: packing}, [bytes(strip)]))).pixels
        light = peak - values if photometric == 0 else values
        white = 255 if bits <= 8 else 65535
        want = np.rint(light * np.float64(white) / peak)
        assert got.dtype == (np.uint8 if bits <= 8 else np.uint16)
        np.testing.assert_array_equal(got, np.broadcast_to(want, got.shape))


def test_decode_tiff_reverses_the_bits_of_fill_order_2() -> None:
    pixels = noise((HEIGHT, WIDTH, 3))
    for packing, strip in ((1, pixels.tobytes()), (8, imagecodecs.zlib_encode(pixels.tobytes()))):
        turned = imagecodecs.bitorder_decode(bytes(strip))
        tags: Tags = {**tags_of(pixels), 259: packing, 266: 2}
        np.testing.assert_array_equal(read(tiff_file((tags, [turned]))).pixels, pixels)


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1, np.uint8), (256, np.uint8), (257, np.uint8), (0, np.uint16)]
)
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_decode_tiff_looks_colours_up_in_palettes(bits: int, factor: int, dtype: type) -> None:
    """Of 8 bits in any of the ways in which they are stored; others in their 16 bits."""
    palette = noise((3, 2**bits), 8).astype(np.int64)
    palette[0, :2] = 255, 3
    stored = palette * factor if factor else noise((3, 2**bits), 16, seed=1).astype(np.int64)
    indices = noise((HEIGHT, WIDTH), bits)
    tags: Tags = {**tags_of(indices), 258: bits, 262: 3, 320: tuple(stored.ravel().tolist())}
    strip = indices.tobytes() if bits == 16 else packed(indices, bits)
    got = read(tiff_file((tags, [strip]))).pixels
    assert got.dtype == dtype
    wanted = palette if factor else stored
    np.testing.assert_array_equal(got, wanted.T[indices])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [None, 0, 1, 2])
def test_decode_tiff_gives_alpha_and_the_colours_without_it(kind: int | None, dtype: type) -> None:
    peak = np.iinfo(dtype).max
    colours = noise((HEIGHT, WIDTH, 3), np.dtype(dtype).itemsize * 8)
    alpha = np.linspace(peak // 2, peak, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(dtype)
    stored = colours
    if kind == 1:
        stored = np.rint(colours * (alpha[..., None] / peak)).astype(dtype)
    pixels = np.dstack((stored, alpha))
    tags = tags_of(pixels) if kind is None else {**tags_of(pixels), 338: kind}
    photo = read(tiff_file((tags, [pixels.tobytes()])), keep_alpha=True)
    np.testing.assert_allclose(photo.pixels.astype(int), colours, atol=1 if kind == 1 else 0)
    np.testing.assert_array_equal(photo.alpha, alpha)


def test_decode_tiff_drops_extra_channels_and_says_so() -> None:
    pixels = noise((HEIGHT, WIDTH, 6))
    photo = read(tiff_file(({**tags_of(pixels), 338: (0, 2, 0)}, [pixels.tobytes()])))
    np.testing.assert_array_equal(photo.pixels, pixels[..., :3])
    assert photo.notes == ("extra channels dropped", "alpha dropped")


def test_decode_tiff_converts_inks() -> None:
    inks = noise((HEIGHT, WIDTH, 4))
    inks[0, :4] = [[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 255, 255, 0]]
    photo = read(written(inks, photometric="separated"))
    light = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    np.testing.assert_array_equal(photo.pixels, np.rint(light))
    assert photo.pixels[0, :4].tolist() == [[255] * 3, [0, 255, 255], [0] * 3, [255, 0, 0]]
    assert photo.notes == ("CMYK converted",)


def test_decode_tiff_converts_cielab() -> None:
    """Values of sRGB's primaries in CIELab of D50, after B. Lindbloom's tables."""
    known = {
        (100.0, 0.0, 0.0): (255, 255, 255),
        (54.29, 80.81, 69.89): (255, 0, 0),
        (87.82, -79.29, 80.99): (0, 255, 0),
        (29.57, 68.30, -112.03): (0, 0, 255),
        (53.585, 0.0, 0.0): (128, 128, 128),
    }
    for dtype, of_l, of_ab in ((np.uint8, 2.55, 1.0), (np.uint16, 655.35, 256.0)):
        signed = np.int8 if dtype == np.uint8 else np.int16
        stored = np.array(
            [[(lightness * of_l, *(np.array([a, b]) * of_ab)) for lightness, a, b in known]]
        )
        pixels = np.rint(stored).astype(np.int64).astype(signed).view(dtype)
        pixels[..., 0] = np.rint(stored[..., 0])
        photo = read(written(pixels, photometric="cielab"))
        peak = np.iinfo(dtype).max
        near = 0.04 if dtype == np.uint8 else 0.003  # of whole numbers of a* and b*
        np.testing.assert_allclose(
            photo.pixels[0] / peak, np.array([*known.values()]) / 255, atol=near
        )


@pytest.mark.parametrize("shared", [(1, 1), (1, 2), (2, 2), (2, 4), (4, 1)])
def test_decode_tiff_reads_ycbcr_whose_pixels_share_colours(shared: tuple[int, int]) -> None:
    down, across = shared
    height, width = 13, 21
    rows, columns = -(-height // down), -(-width // across)
    luminance = noise((rows * down, columns * across), seed=1)
    colours = noise((rows, columns, 2), seed=2)
    groups = (
        luminance.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    )
    tags: Tags = {**tags_of(np.zeros((height, width, 3), np.uint8)), 262: 6, 530: (across, down)}
    got = read(tiff_file((tags, [np.concatenate((groups, colours), axis=2).tobytes()]))).pixels
    y = luminance[:height, :width].astype(float)
    blue, red = (
        np.moveaxis(colours.repeat(down, 0).repeat(across, 1)[:height, :width], -1, 0) - 128.0
    )
    want = np.stack((y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue), -1)
    np.testing.assert_allclose(got, want.clip(0, 255), atol=0.51)


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr", "minisblack", "separated"])
@pytest.mark.parametrize("shape", [{"rowsperstrip": 16}, {"tile": (16, 32)}])
def test_decode_tiff_reads_jpeg_with_the_colours_of_the_page(
    photometric: str, shape: dict[str, Any]
) -> None:
    samples = {"minisblack": 1, "separated": 4}.get(photometric, 3)
    smooth = np.add.outer(np.arange(HEIGHT) * 3, np.arange(WIDTH) * 2) + 20
    pixels = np.stack([smooth // (1 + channel) for channel in range(samples)], -1).astype(np.uint8)
    array = pixels[..., 0] if samples == 1 else pixels
    how = {"compression": "jpeg", "compressionargs": {"level": 98}, "photometric": photometric}
    data = written(array, **how, **shape)
    stored = tifffile.imread(io.BytesIO(data))
    assert photometric == "ycbcr" or np.abs(stored - array.astype(int))[:16, :32].max() <= 4
    wanted = np.broadcast_to(stored.reshape(HEIGHT, WIDTH, samples)[..., :3], (HEIGHT, WIDTH, 3))
    if samples == 4:
        wanted = np.rint((255.0 - wanted) * (255.0 - stored[..., 3:]) / 255)
    np.testing.assert_array_equal(read(data).pixels, wanted)


def test_decode_tiff_takes_no_colours_of_jpeg_for_others() -> None:
    """Three components that nothing in the stream names are those of the page, here CIELab."""
    lab = np.stack([np.full((16, 16), value) for value in (140, 60, 236)], -1).astype(np.uint8)
    stream = bytes(imagecodecs.jpeg8_encode(lab, level=100, colorspace="rgb", outcolorspace="rgb"))
    adobe = stream.find(b"\xff\xee")
    if adobe > 0:
        stream = stream[:adobe] + stream[adobe + 16 :]
    got = read(tiff_file(({**tags_of(lab), 259: 7, 262: 8}, [stream]))).pixels
    wanted = read(tiff_file(({**tags_of(lab), 262: 8}, [lab.tobytes()]))).pixels
    assert np.abs(got.astype(int) - wanted).max() <= 3


def test_decode_tiff_reads_jpeg_whose_tables_lie_in_the_page() -> None:
    pixels = np.add.outer(np.arange(32) * 3, np.arange(48) * 2).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(pixels, level=98)
    quantisation = stream.index(b"\xff\xdb")
    frame = stream.index(b"\xff\xc0")
    tables = b"\xff\xd8" + stream[quantisation:frame] + b"\xff\xd9"
    strip = b"\xff\xd8" + stream[frame:]
    data = tiff_file(({**tags_of(pixels), 259: 7, 347: tables}, [strip]))
    assert np.abs(read(data).pixels[..., 0].astype(int) - pixels).max() <= 3
    with pytest.raises(InputError, match="strip 1 of 1"):
        read(tiff_file(({**tags_of(pixels), 259: 7}, [strip])))


MISSING: dict[str, Callable[[Tags], Tags]] = {
    "no number of samples": lambda tags: {k: v for k, v in tags.items() if k != 277},
    "one depth for all": lambda tags: {**tags, 258: 8},
    "no rows of a strip": lambda tags: {k: v for k, v in tags.items() if k != 278},
    "rows without an end": lambda tags: {**tags, 278: 2**32 - 1},
    "no compression": lambda tags: {k: v for k, v in tags.items() if k != 259},
    "no colours": lambda tags: {k: v for k, v in tags.items() if k != 262},
    "no bytes of strips": lambda tags: {**tags, 279: ()},
    "no bytes in strips": lambda tags: {**tags, 279: 0},
    "undefined samples": lambda tags: {**tags, 339: (4, 4, 4)},
    "an orientation of 9": lambda tags: {**tags, 274: 9},
}


@pytest.mark.parametrize("lack", MISSING)
def test_decode_tiff_reads_files_that_say_too_little(lack: str) -> None:
    pixels = noise((HEIGHT, WIDTH, 3))
    data = tiff_file((MISSING[lack](tags_of(pixels)), [pixels.tobytes()]))
    np.testing.assert_array_equal(read(data).pixels, pixels)


@pytest.mark.parametrize("sizes", [0, (), 10**8])
@pytest.mark.parametrize("packing", [1, 5, 8, 32773, 50000, 34925])
def test_decode_tiff_finds_strips_whose_sizes_are_wrong(packing: int, sizes: Any) -> None:
    pixels = noise((HEIGHT, WIDTH, 3))
    pack: Any = {
        1: bytes,
        5: imagecodecs.lzw_encode,
        8: imagecodecs.zlib_encode,
        32773: imagecodecs.packbits_encode,
        50000: imagecodecs.zstd_encode,
        34925: imagecodecs.lzma_encode,
    }[packing]
    strips = [bytes(pack(pixels[top : top + 8].tobytes())) for top in range(0, HEIGHT, 8)]
    sizes = (sizes,) * len(strips) if isinstance(sizes, int) else sizes
    tags: Tags = {**tags_of(pixels), 259: packing, 278: 8, 279: sizes}
    data = tiff_file((tags, strips))
    if packing in (32773, 50000):  # these must end where the strip does
        with pytest.raises(InputError, match=r"does not tell its size|was cut short"):
            read(data)
    else:
        np.testing.assert_array_equal(read(data).pixels, pixels)


def test_decode_tiff_reads_last_strips_padded_to_the_height_of_others() -> None:
    pixels = noise((HEIGHT, WIDTH, 3))
    rows = np.zeros((40, WIDTH, 3), np.uint8)
    rows[:HEIGHT] = pixels
    for packing, pack in ((1, bytes), (8, imagecodecs.zlib_encode), (5, imagecodecs.lzw_encode)):
        strips = [bytes(pack(rows[top : top + 8].tobytes())) for top in range(0, 40, 8)]
        data = tiff_file(({**tags_of(pixels), 259: packing, 278: 8}, strips))
        np.testing.assert_array_equal(read(data).pixels, pixels)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_decode_tiff_reads_what_this_project_writes(bits: int, channels: int) -> None:
    pixels = noise((HEIGHT, WIDTH, channels), bits)
    file = io.BytesIO()
    encoder = open_rows(
        file, "tiff", RowLayout(height=HEIGHT, width=WIDTH, channels=channels, bits=bits)
    )
    encoder.write(pixels)
    encoder.finish()
    photo = read(file.getvalue(), keep_alpha=True)
    colours = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[..., :3]
    np.testing.assert_array_equal(photo.pixels, colours)
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, pixels[..., 3])
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(file.getvalue())), pixels.squeeze())


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


def scene() -> np.ndarray:
    """Return a photo-like picture: smooth, with grain."""
    random_values = np.random.default_rng(5)
    steps = random_values.normal(size=(160, 200, 3)).cumsum(0).cumsum(1)
    return np.clip(128 + steps + random_values.normal(0, 2, steps.shape), 0, 255).astype(np.uint8)


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


def test_decode_tiff_gives_the_same_bytes_each_time() -> None:
    for name, bits in itertools.product(LAYOUTS, (8, 16)):
        array, _, options = layout(name, bits)
        data = written(array, **options, tile=(16, 32))
        assert read(data).pixels.tobytes() == read(data).pixels.tobytes()


def test_decode_tiff_reads_old_lzw() -> None:
    """As before 1992: the other end of a byte first, codes widened one later."""
    pixels = scene()[:40]
    data = tiff_file(({**tags_of(pixels), 259: 5}, [old_lzw(pixels.tobytes())]))
    np.testing.assert_array_equal(read(data).pixels, pixels)


def old_lzw(data: bytes) -> bytes:
    stream, bits = 0, 0
    out = bytearray()
    table: dict[bytes, int] = {}
    width, word = 9, b""

    def put(code: int) -> None:
        nonlocal stream, bits
        stream |= code << bits
        bits += width
        while bits >= 8:
            out.append(stream & 255)
            stream, bits = stream >> 8, bits - 8

    put(256)
    for value in data:
        longer = word + bytes((value,))
        if len(longer) == 1 or longer in table:
            word = longer
            continue
        put(table[word] if len(word) > 1 else word[0])
        table[longer] = 258 + len(table)
        word = longer[-1:]
        if table[longer] >= 2**width and width < 12:
            width += 1
        if table[longer] == 4093:
            put(256)
            table, width = {}, 9
    put(table[word] if len(word) > 1 else word[0])
    put(257)
    return bytes(out) + bytes((stream & 255,))


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
    assert read(bytes(damaged)).pixels.tobytes() == photo.pixels.tobytes()
