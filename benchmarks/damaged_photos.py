"""Damaged photos refused, sound ones read: ``python -m benchmarks.damaged_photos PHOTO…``.

From crops of the photos given, files of each format are made by several encoders and settings.
Each is damaged once, in its compressed data: cut off, a block of zeros or of noise in the middle,
a block that is missing, one bit turned. The table tells which share is refused; of the sound files
none may be. A second table compares the CPU time of decoding with OpenCV's, in turns.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InputError
from degrade.images.image_io import decode_photo, read_photo

Encoder = Callable[[U8Array, random.Random], bytes]
Damage = Callable[[bytes, int, random.Random], bytes]

BLOCKS = (64, 256, 512, 1024, 4096)
"""Bytes: from a few to a disk's block."""


def _by_opencv(ending: str, pixels: AnyArray, *options: int) -> bytes:
    done, data = cv2.imencode(ending, pixels[..., ::-1] if pixels.ndim == 3 else pixels, options)
    if not done:
        raise RuntimeError(f"OpenCV encodes no {ending}")
    return data.tobytes()


def _by_pillow(format: str, pixels: AnyArray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def _jpeg(pixels: U8Array, chance: random.Random, *, progressive: bool) -> bytes:
    quality = chance.choice((60, 75, 85, 90, 95, 98))
    if chance.random() < 0.5:
        more = {"subsampling": chance.randrange(3), "optimize": chance.random() < 0.5}
        return _by_pillow("JPEG", pixels, quality=quality, progressive=progressive, **more)
    flags = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_PROGRESSIVE: int(progressive),
        cv2.IMWRITE_JPEG_RST_INTERVAL: chance.choice((0, 0, 1, 8)),
        cv2.IMWRITE_JPEG_OPTIMIZE: chance.randrange(2),
    }
    return _by_opencv(".jpg", pixels, *(value for pair in flags.items() for value in pair))


def _png(pixels: U8Array, chance: random.Random) -> bytes:
    level = chance.randrange(1, 10)
    match chance.randrange(4):
        case 0:
            return _by_pillow("PNG", pixels, compress_level=level)
        case 1:
            return _by_opencv(".png", pixels[..., 0], cv2.IMWRITE_PNG_COMPRESSION, level)
        case 2:
            deep = pixels.astype(np.uint16) * 257
            return _by_opencv(".png", deep, cv2.IMWRITE_PNG_COMPRESSION, level)
    return _by_opencv(".png", pixels, cv2.IMWRITE_PNG_COMPRESSION, level)


def _tiff(compression: str) -> Encoder:
    return lambda pixels, _: _by_pillow("TIFF", pixels, compression=compression)


def _heic(pixels: U8Array, chance: random.Random) -> bytes:
    import pillow_heif

    buffer = io.BytesIO()
    image = pillow_heif.from_pillow(Image.fromarray(pixels))
    image.save(buffer, quality=chance.choice((50, 80, 95)))
    return buffer.getvalue()


def _jpegxl(pixels: U8Array, chance: random.Random) -> bytes:
    import pillow_jxl  # noqa: F401

    return _by_pillow("JXL", pixels, lossless=chance.random() < 0.5, effort=3)


FORMATS: dict[str, Encoder] = {
    "JPEG, baseline": lambda pixels, chance: _jpeg(pixels, chance, progressive=False),
    "JPEG, progressive": lambda pixels, chance: _jpeg(pixels, chance, progressive=True),
    "PNG": _png,
    "TIFF, deflate": _tiff("tiff_adobe_deflate"),
    "TIFF, LZW": _tiff("tiff_lzw"),
    "TIFF, bare": _tiff("raw"),
    "WebP, lossless": lambda pixels, _: _by_pillow("WEBP", pixels, lossless=True, method=0),
    "WebP, lossy": lambda pixels, chance: _by_pillow(
        "WEBP", pixels, quality=chance.randrange(50, 100), method=chance.randrange(4)
    ),
    "HEIC": _heic,
    "AVIF": lambda pixels, chance: _by_pillow(
        "AVIF", pixels, quality=chance.randrange(50, 95), speed=9
    ),
    "JPEG XL": _jpegxl,
    "JPEG 2000": lambda pixels, _: _by_pillow("JPEG2000", pixels),
    "BMP": lambda pixels, _: _by_opencv(".bmp", pixels),
    "PPM": lambda pixels, _: _by_opencv(".ppm", pixels),
}


def _first(data: bytes) -> int:
    """Return where damage may begin: behind what could be the header."""
    scan = data.find(b"\xff\xda") if data.startswith(b"\xff\xd8") else -1
    return scan + 14 if scan >= 0 else len(data) // 10


def _cut(data: bytes, place: int, chance: random.Random) -> bytes:
    ends = {b"\xff\xd8": b"\xff\xd9"}.get(data[:2], b"")  # as some programs mend what is cut
    return data[:place] + (ends if chance.random() < 0.5 else b"")


def _with_block(data: bytes, place: int, chance: random.Random, *, noise: bool) -> bytes:
    size = min(chance.choice(BLOCKS), len(data) // 4, len(data) - 2 - place)
    block = chance.randbytes(size) if noise else bytes(size)
    return data[:place] + block + data[place + size :]


def _without_block(data: bytes, place: int, chance: random.Random) -> bytes:
    size = min(chance.choice(BLOCKS), len(data) // 4, len(data) - 2 - place)
    return data[:place] + data[place + size :]


def _flipped(data: bytes, place: int, chance: random.Random) -> bytes:
    turned = data[place] ^ (1 << chance.randrange(8))
    return data[:place] + bytes([turned]) + data[place + 1 :]


DAMAGES: dict[str, Damage] = {
    "cut": _cut,
    "zeros": lambda data, place, chance: _with_block(data, place, chance, noise=False),
    "noise": lambda data, place, chance: _with_block(data, place, chance, noise=True),
    "missing": _without_block,
    "one bit": _flipped,
}


def _crops(photos: Sequence[U8Array], count: int, chance: random.Random) -> Iterator[U8Array]:
    for _ in range(count):
        photo = chance.choice(photos)
        height, width = (min(size, chance.randrange(200, 520)) for size in photo.shape[:2])
        top = chance.randrange(photo.shape[0] - height + 1)
        left = chance.randrange(photo.shape[1] - width + 1)
        yield np.ascontiguousarray(photo[top : top + height, left : left + width])


def _is_refused(data: bytes) -> bool:
    try:
        decode_photo(data, Path("photo"))
    except InputError:
        return True
    return False


def refused_shares(
    name: str, photos: Sequence[U8Array], count: int, seed: int
) -> tuple[dict[str, float], int, float]:
    """Return the refused share by damage, how many sound files were refused, and seconds a file."""
    chance = random.Random(f"{seed} {name}")
    refused = dict.fromkeys(DAMAGES, 0)
    tried = dict.fromkeys(DAMAGES, 0)
    sound, seconds = 0, 0.0
    for index, crop in enumerate(_crops(photos, count, chance)):
        data = FORMATS[name](crop, chance)
        begun = time.process_time()
        sound += _is_refused(data)
        seconds += time.process_time() - begun
        kind = list(DAMAGES)[index % len(DAMAGES)]
        place = chance.randrange(_first(data), len(data) - 3)
        damaged = DAMAGES[kind](data, place, chance)
        if damaged != data:
            tried[kind] += 1
            refused[kind] += _is_refused(damaged)
    shares = {kind: refused[kind] / max(1, tried[kind]) for kind in DAMAGES}
    return shares, sound, seconds / count


def _seconds(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the least CPU time of each, of five in turns: others may be at work, too."""
    least = [float("inf"), float("inf")]
    for number in range(10):
        begun = time.process_time()
        (one, other)[number % 2]()
        least[number % 2] = min(least[number % 2], time.process_time() - begun)
    return least[0], least[1]


def _as_opencv_alone(data: bytes) -> AnyArray:
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    code = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(pixels, code)


def speeds(photo: U8Array) -> Iterator[tuple[str, float, float]]:
    """Yield name, seconds here and seconds of OpenCV alone, for files of twelve megapixels."""
    large = cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    deep = large.astype(np.uint16) * 257
    files = {
        "JPEG, baseline": _by_opencv(".jpg", large, cv2.IMWRITE_JPEG_QUALITY, 92),
        "JPEG, progressive": _by_opencv(".jpg", large, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "JPEG, gray": _by_opencv(".jpg", large[..., 0]),
        "PNG": _by_opencv(".png", large),
        "PNG, gray": _by_opencv(".png", np.ascontiguousarray(large[..., 0])),
        "PNG, 16 bits": _by_opencv(".png", deep),
        "WebP, lossy": _by_opencv(".webp", large, cv2.IMWRITE_WEBP_QUALITY, 90),
        "BMP": _by_opencv(".bmp", large),
        "PPM": _by_opencv(".ppm", large),
    }
    digest = "0" * 64  # hashing is no part of decoding
    for name, data in files.items():
        path = Path("photo")
        here, alone = _seconds(
            lambda data=data, path=path: decode_photo(data, path, sha256=digest),
            lambda data=data: _as_opencv_alone(data),
        )
        yield name, here, alone


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=1000, help="files of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(FORMATS), help="formats")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    photos = [read_photo(path).as_u8() for path in options.photos]
    photos = [photo for photo in photos if min(photo.shape[:2]) > 200]
    print(f"| format | {' | '.join(DAMAGES)} | all but one bit | sound refused | ms |")
    print("|---" * (len(DAMAGES) + 4) + "|")
    for name in options.only:
        shares, sound, seconds = refused_shares(name, photos, options.count, options.seed)
        blocks = sum(share for kind, share in shares.items() if kind != "one bit") / 4
        cells = [f"{share:.1%}" for share in (*shares.values(), blocks)]
        print(f"| {name} | {' | '.join(cells)} | {sound} | {1000 * seconds:.1f} |", flush=True)
    if options.no_speed:
        return
    print("\n| 12 megapixels | ms | of OpenCV's time |\n|---|---|---|")
    for name, here, alone in speeds(photos[0]):
        print(f"| {name} | {1000 * here:.0f} | {here / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
