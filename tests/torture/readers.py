"""What reads files that anybody may have made: images, kernels, lists of files, settings."""

from __future__ import annotations

import importlib
import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from degrade.arrays import AnyArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.kernels import gaussian_kernel
from tests.torture.damage import Damage, damage_bytes, damage_json, damage_lines, one_of, spliced


class WrongContentError(Exception):
    """A reader took a damaged file for a sound one and returned nonsense."""


@dataclass(frozen=True)
class Reader:
    """One reader of files.

    Attributes
    ----------
    name : str
    make : callable
        Called once with an empty folder; returns sound files, and a function that reads a file of
        the content that it is given and raises WrongContentError when what came is nonsense.
    damage : callable
        How files are damaged besides splicing two of them.
    """

    name: str
    make: Callable[[Path], tuple[Sequence[bytes], Callable[[bytes], None]]]
    damage: Damage = damage_bytes

    def case(self, seeds: Sequence[bytes], chance: random.Random) -> bytes:
        """Return one damaged file."""
        if chance.random() < 0.05:
            return spliced(seeds, chance)
        return self.damage(chance.choice(seeds), chance)


def require(is_so: bool, what: str) -> None:
    """Raise WrongContentError unless something is so."""
    if not is_so:
        raise WrongContentError(what)


def _picture(channels: int = 3, dtype: type = np.uint8) -> AnyArray:
    rows, columns = np.mgrid[:30, :41]
    planes = [rows * 4, columns * 3, 128 + 60 * np.sin(rows / 5 + columns / 7), 1 + rows + columns]
    picture: AnyArray = np.stack(planes[:channels], axis=2).clip(0, 255).astype(dtype)
    picture *= dtype(257 if dtype is np.uint16 else 1)
    return picture


def _encoded(ending: str, *options: int, **picture: Any) -> bytes:
    done, data = cv2.imencode(ending, _picture(**picture), options)
    require(done, f"no {ending} can be encoded")
    return data.tobytes()


def _by_pillow(format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_picture()).save(buffer, format, **options)
    return buffer.getvalue()


def _pictures(kind: str) -> list[bytes]:
    deep, grey, alpha = {"dtype": np.uint16}, {"channels": 1}, {"channels": 4}
    match kind:
        case "png":
            return [_encoded(".png", **how) for how in ({}, deep, grey, alpha)]
        case "jpeg":
            forms = ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1))
            found = [_encoded(".jpg", *form) for form in forms]
            exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
            return [*found, _encoded(".jpg", **grey), found[0][:2] + exif + found[0][2:]]
        case "webp":
            qualities = (80, 101)
            return [
                _encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, quality, **how)
                for quality in qualities
                for how in ({}, alpha)
            ]
        case "tiff":
            packings = (1, 5, 8, 32773)  # none, LZW, deflate, PackBits
            return [
                _encoded(".tiff", cv2.IMWRITE_TIFF_COMPRESSION, packing, **how)
                for packing in packings
                for how in ({}, deep, grey, alpha)
            ]
        case "avif" | "jpeg2000":
            return [_by_pillow(kind.upper())]
        case "jpegxl":
            importlib.import_module("pillow_jxl")
            return [_by_pillow("JXL", lossless=True), _by_pillow("JXL", effort=1)]
        case "heic":
            importlib.import_module("pillow_heif").register_heif_opener()
            return [_by_pillow("HEIF")]
        case "raw":
            return [importlib.import_module("tests.degrade.images.raw_files").dng()]
        case "bmp":
            return [_encoded(".bmp", **how) for how in ({}, grey, alpha)]
    return [
        _encoded(ending, binary, value, **how)
        for ending, how in ((".ppm", {}), (".ppm", deep), (".pgm", grey), (".pbm", grey))
        for binary, value in ((cv2.IMWRITE_PXM_BINARY, 0), (cv2.IMWRITE_PXM_BINARY, 1))
    ]


_MOST_PIXELS = 30_000_000
"""A cap with which no photo of 16 bits and 4 channels comes near the gigabyte that is allowed."""


def _photos(kind: str, with_faster: bool, folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.images import image_io
    from degrade.images.decoding import png as opened

    png: Any = opened  # this child's own: what it changes ends with it
    path = folder / f"photo.{kind}"
    if not with_faster:
        png.decode_faster = lambda _data, _header: None

    def read(data: bytes) -> None:
        path.write_bytes(data)
        photo = image_io.read_photo(path, max_pixels=_MOST_PIXELS)
        pixels = photo.pixels
        require(pixels.ndim == 3 and pixels.shape[2] == 3, f"pixels of shape {pixels.shape}")
        require(pixels.dtype in (np.uint8, np.uint16), f"pixels of {pixels.dtype}")
        require(pixels.shape[0] * pixels.shape[1] <= _MOST_PIXELS, "too many pixels")
        if kind == "png" and with_faster:
            faster, png.decode_faster = png.decode_faster, lambda _data, _header: None
            try:
                again = image_io.read_photo(path, max_pixels=_MOST_PIXELS).pixels
            except DegradeError:
                raise WrongContentError("OpenCV refuses what kornia-rs decodes") from None
            finally:
                png.decode_faster = faster
            require(np.array_equal(again, pixels), "kornia-rs and OpenCV differ")

    return _pictures(kind), read


def _kernel_files(kind: str, folder: Path) -> list[bytes]:
    from tests.degrade.kernels.test_files import cell, mat5, mat73, uneven

    one, two = gaussian_kernel(13, 2, (1.5, 0.8), 0.3).weights.astype(float), uneven()
    match kind:
        case "mat":
            return [
                mat5(Kernel=one),
                mat5(kernels=cell(one, two), other=np.arange(4)),
                mat5(kernels=np.dstack([two] * 3)),
                mat5(compressed=True, Kernel=one.astype(np.float32)),
            ]
        case "mat 7.3":
            return [
                mat73(folder / "a.h5", Kernel=one),
                mat73(folder / "b.h5", kernels=[one, two]),
                mat73(folder / "c.h5", compression="gzip", Kernel=np.dstack([two] * 3)),
            ]
    found = []
    for array in (one, np.dstack([two] * 3), one.astype(np.float32), np.asfortranarray(two)):
        buffer = io.BytesIO()
        np.save(buffer, array)
        found.append(buffer.getvalue())
    return found


def _kernels(kind: str, folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.kernels.files import import_kernel, read_kernel_file

    path = folder / ("kernels.npy" if kind == "npy" else "kernels.mat")

    def read(data: bytes) -> None:
        path.write_bytes(data)
        for raw in read_kernel_file(path):
            require(raw.weights.ndim == 2 and raw.weights.dtype == np.float64, "no kernel")
            try:
                kernel, _ = import_kernel(raw, 2)
            except InvalidValueError:
                continue
            require(bool(np.isfinite(kernel.weights).all()), "a kernel that is not finite")
            require(abs(float(kernel.weights.sum()) - 1) < 1e-3, "a kernel of another sum")

    return _kernel_files(kind, folder), read


def _odd_hdf5(content: bytes, chance: random.Random) -> bytes:
    """Return an HDF5 file made by HDF5 itself of parts that nobody expects."""
    from tests.torture.odd_hdf5 import odd_file

    return odd_file(chance, ("Kernel", "kernels", "other"), userblock=512)


def _lists(folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.images.manifest import ManifestEntry, read_manifest, write_manifest
    from degrade.images.sources import find_images

    path = folder / "list.jsonl"
    (folder / "a.png").write_bytes(_encoded(".png"))
    entry = ManifestEntry(path="a.png", sha256="a" * 64, height=30, width=41, role="hr")
    other = ManifestEntry(
        path="b/c.png",
        sha256="b" * 64,
        height=3,
        width=4,
        role="source",
        split="train",
        licence="CC0-1.0",
        source="a camera",
        group="g",
    )
    write_manifest(path, [entry, other])

    def read(data: bytes) -> None:
        path.write_bytes(data)
        files, _ = find_images([path])
        inside = all(file.path.resolve().is_relative_to(folder.resolve()) for file in files)
        require(inside, "a file outside the list's folder")
        require(all(isinstance(e, ManifestEntry) for e in read_manifest(path)), "no entry")

    return [path.read_bytes()], read


def _settings(folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.pairs import place_at
    from pipelines.shared.run_settings import RUN_FILE, begin_or_resume, hash_settings

    settings = {"version": 1, "scale": 4, "photos": "7 photos"}
    run = {"settings": settings, "pool": "/pool", "config_hash": hash_settings(settings)}
    begin_or_resume(place_at(folder), run)
    (folder / "shard-00000.json").touch()  # a run that made nothing would be forgotten
    path = folder / RUN_FILE

    def read(data: bytes) -> None:
        path.write_bytes(data)
        begin_or_resume(place_at(folder), run)
        require(path.read_bytes() == data, "the file of an earlier run was touched")

    return [path.read_bytes()], read


def _locks(folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.disk.locks import folder_lock, lock_content

    def read(data: bytes) -> None:
        (folder / ".lock").write_bytes(data)
        with folder_lock(folder):
            left = [path.name for path in folder.iterdir()]
            require(left == [".lock"], f"{left} in the folder")

    stale = {**json.loads(lock_content()), "process_start": "before the last restart"}
    return [json.dumps(stale).encode()], read


def _json_again(content: bytes, chance: random.Random) -> bytes:
    return json.dumps(damage_json(json.loads(content), chance)).encode()


def _lines_again(content: bytes, chance: random.Random) -> bytes:
    return damage_lines(content, chance, lambda value: json.dumps(value).encode() + b"\n")


_EXTRAS = {"jpegxl": "pillow_jxl", "heic": "pillow_heif", "raw": "rawpy"}


def readers() -> Iterator[Reader]:
    """Yield the readers of single files."""
    common = ("png", "jpeg", "webp", "tiff", "bmp", "pnm", "avif", "jpeg2000")
    for kind in (*common, *(kind for kind, library in _EXTRAS.items() if find_spec(library))):
        yield Reader(f"photo {kind}", partial(_photos, kind, True))
    yield Reader("photo png by OpenCV alone", partial(_photos, "png", False))
    yield Reader("kernels .mat", partial(_kernels, "mat"))
    yield Reader("kernels .mat 7.3", partial(_kernels, "mat 7.3"))
    yield Reader("kernels .mat 7.3, odd", partial(_kernels, "mat 7.3"), _odd_hdf5)
    yield Reader("kernels .npy", partial(_kernels, "npy"))
    yield Reader("list of files .jsonl", _lists, one_of(damage_bytes, _lines_again))
    yield Reader("settings run.json", _settings, one_of(damage_bytes, _json_again))
    yield Reader("lock", _locks, one_of(damage_bytes, _json_again))
