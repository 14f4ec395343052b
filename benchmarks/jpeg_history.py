"""What pixels tell of JPEG: how often right, wrong, or not at all.

    python -m benchmarks.jpeg_history PHOTOS... [--crops 1000] [--side 512] [--json FILE]

PHOTOS are images and folders. Each crop is of a photo that was reduced to 0.77 of its size, which
leaves no grid of an earlier JPEG. It is looked at as it is: any claim is a false alarm. Then it is
saved by libjpeg at a quality of 50 to 98 with 4:4:4 or 4:2:0, decoded, and cut by 0 to 15 rows and
columns. A quarter is saved twice before it is cut: on the same grid at a lower quality first, or on
another grid.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.parts import write_json
from degrade.arrays import U8Array
from degrade.images.image_io import IMAGE_SUFFIXES, read_photo
from degrade.jpeg.pixel_history import Earlier, PixelHistory, history_of_pixels
from degrade.rng import rng_for

SHARE = 0.77
MARGIN = 32


def reduced(path: Path) -> U8Array:
    """Return a photo without the grid that it may have had."""
    photo = Image.fromarray(read_photo(path).pixels.astype(np.uint8))
    size = (int(SHARE * photo.width), int(SHARE * photo.height))
    return np.array(photo.resize(size, Image.Resampling.BICUBIC))


def saved(pixels: U8Array, quality: int, subsampling: str) -> U8Array:
    """Return what a JPEG file leaves of pixels."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        file, "JPEG", quality=quality, subsampling=subsampling
    )
    return np.array(Image.open(file))


def judge(found: PixelHistory, wanted: dict[str, Any], tables: Counter[str]) -> None:
    """Count each quantity as right, wrong or not told."""
    told: dict[str, Any] = {
        "grid": found.grid,
        "quality": found.quality,
        "subsampling": found.subsampling,
    }
    for name, value in told.items():
        verdict = "not told" if value is None else "right" if value == wanted[name] else "wrong"
        tables[f"{name} {verdict}"] += 1
    before: Earlier | None = wanted["before"]
    name = "once" if before is None else "same grid" if before.qualities else "other grid"
    if found.earlier is None:
        tables[f"{name}: {'right' if before is None else 'not told'}"] += 1
        return
    low, high = found.earlier.qualities or (0, 0)
    if before is not None and before.qualities:
        fits = low <= before.qualities[0] <= high
    else:
        fits = before == found.earlier
    tables[f"{name}: {'right' if fits else 'wrong'}"] += 1


def run(photos: list[Path], crops: int, side: int) -> dict[str, Any]:
    """Look at crops; return counts in all, and by quality and subsampling."""
    by: dict[str, Counter[str]] = defaultdict(Counter)
    alarms, seconds, looked_at = 0, 0.0, 0
    each = -(-crops // len(photos))
    for path in photos:
        photo = reduced(path)
        height, width = (min(length, side + MARGIN) for length in photo.shape[:2])
        for number in range(each):
            if looked_at == crops:
                break
            rng = rng_for(0, "jpeg history", path.name, number)
            top = int(rng.integers(photo.shape[0] - height + 1))
            left = int(rng.integers(photo.shape[1] - width + 1))
            crop = photo[top : top + height, left : left + width]
            alarms += history_of_pixels(crop[:side, :side]).grid is not None
            pixels, wanted = _compressed(crop, rng)
            began = time.process_time()
            found = history_of_pixels(pixels[:side, :side])
            seconds += time.process_time() - began
            looked_at += 1
            group = f"{wanted['quality'] // 10 * 10}s {wanted['subsampling']}"
            judge(found, wanted, by[group])
    return {
        "crops": looked_at,
        "false alarms": alarms,
        "milliseconds": 1000 * seconds / looked_at,
        "groups": {name: dict(by[name]) for name in sorted(by)},
    }


def _compressed(crop: U8Array, rng: np.random.Generator) -> tuple[U8Array, dict[str, Any]]:
    quality, kind = int(rng.integers(50, 99)), int(rng.integers(8))
    subsampling = ("4:4:4", "4:2:0")[int(rng.integers(2))]
    before: Earlier | None = None
    if kind == 0:
        first = max(30, quality - int(rng.integers(10, 41)))
        before = Earlier(None, (first, first))
        crop = saved(crop, first, subsampling)
    elif kind == 1:
        row, column = (int(x) for x in rng.integers(1, 8, 2))
        crop = saved(crop, max(30, quality - 15), subsampling)[row:, column:]
        before = Earlier((-row % 8, -column % 8))
    cut = [int(x) for x in rng.integers(0, 16, 2)]
    if before is not None and before.grid is not None:
        before = Earlier(((before.grid[0] - cut[0]) % 8, (before.grid[1] - cut[1]) % 8))
    wanted = {
        "grid": (-cut[0] % 8, -cut[1] % 8),
        "quality": quality,
        "subsampling": subsampling,
        "before": before,
    }
    return np.ascontiguousarray(saved(crop, quality, subsampling)[cut[0] :, cut[1] :]), wanted


def lines(found: dict[str, Any]) -> list[str]:
    """Return the table for people."""
    together: Counter[str] = Counter()
    for group in found["groups"].values():
        together.update(group)
    shown = [f"{'':12}" + "".join(f"{name:>22}" for name in ("grid", "quality", "subsampling"))]
    for name, group in [*found["groups"].items(), ("all", together)]:
        cells = []
        for what in ("grid", "quality", "subsampling"):
            numbers = [
                group.get(f"{what} {verdict}", 0) for verdict in ("right", "wrong", "not told")
            ]
            cells.append(f"{'/'.join(map(str, numbers)):>22}")
        shown.append(f"{name:12}" + "".join(cells))
    for name in ("once", "same grid", "other grid"):
        numbers = {v: together.get(f"{name}: {v}", 0) for v in ("right", "wrong", "not told")}
        shown.append(f"before, {name}: " + ", ".join(f"{v} {n}" for v, n in numbers.items()))
    shown.append(
        f"{found['crops']} crops, right/wrong/not told; {found['false alarms']} of as many that "
        f"never were JPEGs claimed; {found['milliseconds']:.0f} ms each, one core"
    )
    return shown


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--crops", type=int, default=1000)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    photos = []
    for path in chosen.photos:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        photos += [file for file in inside if file.suffix.lower() in IMAGE_SUFFIXES]
    found = run(photos, chosen.crops, chosen.side)
    print("\n".join(lines(found)))
    if chosen.json:
        write_json(chosen.json, found)


if __name__ == "__main__":
    main()
