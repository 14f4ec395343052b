"""Every kind of TIFF against the array that was written."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from degrade.errors import InputError
from degrade.images.image_rows import RowLayout, open_rows
from degrade.images.orientation import upright
from tests.tiff_files import (
    COMPRESSIONS,
    HEIGHT,
    LAYOUTS,
    WIDTH,
    Tags,
    layout,
    noise,
    read,
    scene,
    tags_of,
    tiff_file,
    written,
)


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
        photo = read(data, keep_alpha=True)
        assert photo.pixels.dtype == rgb.dtype
        np.testing.assert_array_equal(photo.pixels, rgb)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_tiff_turns_every_layout_upright_once(orientation: int) -> None:
    for name, packing, bits in itertools.product(LAYOUTS, ("none", "LZW"), (8, 16)):
        array, rgb, options = layout(name, bits)
        tag = [(274, 3, 1, orientation, True)]
        data = written(array, **options, **COMPRESSIONS[packing], extratags=tag)
        photo = read(data, keep_alpha=True)
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
    pixels = np.maximum(noise((HEIGHT, WIDTH, 6)), 1)  # a 0 of alpha would be a hole
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


def test_decode_tiff_gives_the_same_bytes_each_time() -> None:
    for name, bits in itertools.product(LAYOUTS, (8, 16)):
        array, _, options = layout(name, bits)
        data = written(array, **options, tile=(16, 32))
        once, again = (read(data, keep_alpha=True) for _ in range(2))
        assert once.pixels.tobytes() == again.pixels.tobytes()


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
