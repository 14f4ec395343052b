"""What ``degrade detect-artifacts`` costs: two results of 2048 x 2048 pixels on one core.

A mosaic of photos stands for the GAN's result, the same made smaller by 2 and larger again for the
MSE result; ellipses of stronger texture are planted. Both lie there as PNG. The process's CPU time,
the least of some rounds: of the whole job, and of its parts one by one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from degrade.arrays import U8Array, round_to_u8
from degrade.artifacts import DetectionSettings, detect_artifacts, rank_regions
from degrade.images.image_io import encode_gray_png, encode_png, read_photo, write_png
from degrade.images.sources import SourceFile, find_images
from degrade.resample import imresize
from degrade.rng import rng_for
from pipelines.artifacts.detect import ArtifactsConfig, find_artifacts
from pipelines.artifacts.one_image import draw_overlay
from pipelines.shared.finding_photos import scan_photos

SHARED = Path(__file__).parents[2] / "shared" / "data" / "hr"
_SIDE, _TILE = 2048, 1024
_PLANTED = 11


def main() -> None:
    """Make the two results, and print what each part costs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.artifact_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", type=Path, nargs="*", default=[SHARED], help="files, folders")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    photos = [read_photo(file.path).as_u8() for file in find_images(given.photos)[0]]
    large = [photo for photo in photos if min(photo.shape[:2]) >= _TILE]
    if not large:
        where = ", ".join(map(str, given.photos))
        sys.exit(
            f"{where}: no photo of {_TILE} x {_TILE} pixels or more among {len(photos)}; "
            'name some: `make bench-artifacts PHOTOS="folder …"`'
        )
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        mse, gan = _results(large)
        places = Path(folder, "mse", "photo.png"), Path(folder, "gan", "photo.png")
        for path, image in zip(places, (mse, gan), strict=True):
            write_png(path, image)
        _print(Path(folder), places, mse, gan, given.rounds)


def _print(
    folder: Path, places: tuple[Path, Path], mse: U8Array, gan: U8Array, rounds: int
) -> None:
    files = [SourceFile(path, path.name) for path in places]
    settings = DetectionSettings()
    found = detect_artifacts(mse, gan, settings=settings)
    regions = rank_regions(found, mse, gan)
    drawn = draw_overlay(gan, found.flagged, regions)
    mask = found.flagged.view(np.uint8) * np.uint8(255)
    size = sum(path.stat().st_size for path in places) / 1e6
    print(f"two PNGs of {_SIDE} x {_SIDE} pixels, {size:.1f} MB; {len(regions)} areas flagged")
    outs = (folder / str(number) for number in count())

    def job() -> None:
        out = next(outs)
        find_artifacts(ArtifactsConfig(mse=places[0].parent, gan=places[1].parent, out=out))

    parts: dict[str, Callable[[], object]] = {
        "all": job,
        "looking at both files": lambda: scan_photos(files),
        "decoding both": lambda: [read_photo(path).as_u8() for path in places],
        "detection": lambda: detect_artifacts(mse, gan, settings=settings),
        "ranking": lambda: rank_regions(found, mse, gan),
        "packing the mask": lambda: encode_gray_png(mask, quickly=True),
        "drawing the overlay": lambda: draw_overlay(gan, found.flagged, regions),
        "packing the overlay": lambda: encode_png(drawn, quickly=True),
    }
    least = dict.fromkeys(parts, np.inf)
    for _ in range(rounds):  # in turns, as others may load the machine
        for name, part in parts.items():
            start = time.process_time()
            part()
            least[name] = min(least[name], time.process_time() - start)
    for name, seconds in least.items():
        print(f"{name:22} {1e3 * seconds:6.1f} ms")


def _results(large: list[U8Array]) -> tuple[U8Array, U8Array]:
    gan = np.empty((_SIDE, _SIDE, 3), np.uint8)
    for number, (top, left) in enumerate(np.ndindex(_SIDE // _TILE, _SIDE // _TILE)):
        photo = large[number % len(large)]
        y, x = ((length - _TILE) // 2 for length in photo.shape[:2])
        rows, columns = (slice(at * _TILE, (at + 1) * _TILE) for at in (top, left))
        gan[rows, columns] = photo[y : y + _TILE, x : x + _TILE]
    mse = round_to_u8(imresize(imresize(gan.astype(np.float32), 0.5), 2))
    rng = rng_for(0, "planted")
    noise = rng.normal(0, 60, gan.shape[:2]).astype(np.float32)
    mask = np.zeros(gan.shape[:2], np.uint8)
    for _ in range(_PLANTED):
        place = [int(each) for each in rng.integers(100, _SIDE - 100, 2)]
        cv2.ellipse(mask, place, (72, 56), 30, 0, 360, 1, -1)
    return mse, round_to_u8(gan + (noise * mask)[..., None])


if __name__ == "__main__":
    main()
