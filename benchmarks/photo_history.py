"""How often a photo's history is told right: ``python -m benchmarks.photo_history PHOTOS``.

PHOTOS are photos, or folders of them, that were not enlarged, not shaken and little sharpened. By a
hash of the file's name half of all are left out: on such a half the thresholds of
:mod:`degrade.history` were set. Of each other one the middle is enlarged, sharpened or moved by
what is known, and measured.
"""

from __future__ import annotations

import argparse
import io
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.history.edges import find_edges
from degrade.history.levels import measure_levels
from degrade.history.periods import measure_periods
from degrade.history.resampling import OTHER_TOLD, Resampling, judge_resampling
from degrade.history.sharpness import blur_kind, measure_edge_blur, measure_sharpening
from degrade.history.spectrum import fall_of_power
from degrade.history.windows import spread_windows
from degrade.images.image_io import read_photo
from degrade.images.sources import find_images

_FACTORS = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
_QUALITIES = (None, 95, 90)
_HOW = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.LANCZOS,
)
_SOFT_BEFORE = (0.0, 1.2)
"""σ of the blur before an enlargement, in pixels then."""

_SIDE = 1200
"""Of what is measured, at most; the more there is of a photo, the more it tells."""

_SHARPENING = ((0.0, 1.0), (0.6, 1.0), (1.2, 1.0), (2.0, 1.2))
_MOTION = ((4.0, 0.0), (6.0, 30.0), (8.0, 120.0))


def main() -> None:
    """Print the rates, and what a photo of 12 megapixels costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every so manyth photo only")
    chosen = parser.parse_args()
    files, _ = find_images(chosen.photos)
    apart = [f.path for f in files if zlib.crc32(f.path.name.encode()) % 2][:: chosen.every]
    photos = [_middle(read_photo(path).as_u8(), _SIDE) for path in apart]
    print(f"{len(photos)} of {len(files)} photos, on none of which anything was set")
    _report_unchanged(photos)
    for sigma in _SOFT_BEFORE:
        _report_enlarged(photos, sigma)
    _report_edges(photos)
    _report_time(photos[0])


def _middle(pixels: U8Array, side: int) -> U8Array:
    tops = [max(length - side, 0) // 2 for length in pixels.shape[:2]]
    return pixels[tops[0] : tops[0] + side, tops[1] : tops[1] + side]


def _saved(pixels: U8Array, quality: int | None) -> U8Array:
    if quality is None:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _judge(pixels: U8Array) -> Resampling:
    return judge_resampling(measure_periods(pixels), fall_of_power(spread_windows(pixels)))


def _report_unchanged(photos: Sequence[U8Array]) -> None:
    told = Counter()
    for quality in (*_QUALITIES, 75):
        told[quality] = sum(_judge(_saved(photo, quality)).is_told for photo in photos)
    each = ", ".join(f"{_name(quality)} {count}" for quality, count in told.items())
    share = sum(told.values()) / max(len(told) * len(photos), 1)
    print(f"not enlarged, told to be: {each}; {100 * share:.2f} % of all")


def _name(quality: int | None) -> str:
    return "without JPEG" if quality is None else f"JPEG {quality}"


def _report_enlarged(photos: Sequence[U8Array], sigma: float) -> None:
    before = f", after a blur of σ {sigma:g} px" if sigma else ""
    print(f"enlarged{before}: right / one of two named / wrong factor / nothing told, %")
    right_by_percent: dict[int, list[bool]] = defaultdict(list)
    for quality in _QUALITIES:
        line = f"  {_name(quality):14}"
        for factor in _FACTORS:
            counts = Counter()
            for number, photo in enumerate(photos):
                part = _middle(photo, round(_SIDE / factor))
                part = _blurred(part, sigma) if sigma else part
                size = tuple(round(factor * side) for side in part.shape[1::-1])
                large = Image.fromarray(part).resize(size, _HOW[number % len(_HOW)])
                found = _judge(_saved(np.asarray(large), quality))
                right = _is_near(found.factor, factor)
                named = found.factor_probability < OTHER_TOLD and _is_near(
                    found.other_factor, factor
                )
                told = "right" if right else "named" if named else "wrong"
                counts[told if found.is_told else "nothing"] += 1
                if found.is_told:
                    sure = found.probability * found.factor_probability
                    right_by_percent[min(int(10 * sure), 9)].append(right)
            shares = (
                100 * counts[name] / len(photos) for name in ("right", "named", "wrong", "nothing")
            )
            line += f"  ×{factor:g} " + "/".join(f"{share:.0f}" for share in shares)
        print(line)
    told = [
        f"{10 * tenth}…{10 * tenth + 10} %: {100 * np.mean(right):.0f} % of {len(right)}"
        for tenth, right in sorted(right_by_percent.items())
    ]
    print(f"  of what is told at … %, so much is right: {'; '.join(told)}")


def _is_near(told: float | None, factor: float) -> bool:
    return told is not None and abs(told / factor - 1) < 0.02


def _report_edges(photos: Sequence[U8Array]) -> None:
    print("sharpened by (a, s), after a blur of σ 0.7 px:")
    for amount, radius in _SHARPENING:
        found = [
            measure_sharpening(find_edges(spread_windows(_sharpened(photo, amount, radius))))
            for photo in photos
        ]
        known = [one for one in found if one is not None]
        told = sum(one.is_told for one in known)
        inside = sum(one.amount[0] <= amount <= one.amount[2] for one in known)
        print(
            f"  ({amount:g}, {radius:g}): told {told}, not seen {len(known) - told}, too few edges "
            f"{len(found) - len(known)}; a within its interval {inside} of {len(known)}, "
            f"middle {np.median([one.amount[1] for one in known] or [0]):.2f}"
        )
    plain = [_blur_of(photo) for photo in photos]
    soft = [_blur_of(_blurred(photo, 2.0)) for photo in photos]
    print(f"motion told where there was none: {_count(plain)}; out of focus: {_count(soft)}")
    for length, degrees in _MOTION:
        counts = Counter()
        for photo in photos:
            edges = find_edges(spread_windows(_moved(photo, length, degrees)))
            sharpening, blur = measure_sharpening(edges), measure_edge_blur(edges)
            if sharpening is None or blur is None or blur_kind(sharpening, blur) != "motion":
                counts["nothing"] += 1
                continue
            turned = abs((blur.angle - degrees + 90) % 180 - 90)
            right = abs(blur.length[1] / length - 1) < 0.3 and turned < 15
            counts["right" if right else "wrong"] += 1
        print(f"  moved {length:g} px along {degrees:g}°: {dict(counts)}")


def _blur_of(pixels: U8Array) -> str:
    edges = find_edges(spread_windows(pixels))
    sharpening = measure_sharpening(edges)
    return "" if sharpening is None else blur_kind(sharpening, measure_edge_blur(edges))


def _count(kinds: Sequence[str]) -> str:
    return f"{kinds.count('motion')} of {sum(map(bool, kinds))}"


def _blurred(pixels: U8Array | FloatArray, sigma: float) -> U8Array:
    return round_to_u8(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), sigma))


def _sharpened(pixels: U8Array, amount: float, radius: float) -> U8Array:
    levels = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.7)
    return round_to_u8(levels + amount * (levels - cv2.GaussianBlur(levels, (0, 0), radius)))


def _moved(pixels: U8Array, length: float, degrees: float) -> U8Array:
    side = 2 * int(length) + 5
    kernel = np.zeros((side, side))
    for place in np.linspace(-length / 2, length / 2, 401):
        x = side // 2 + place * np.cos(np.radians(degrees))
        y = side // 2 - place * np.sin(np.radians(degrees))
        left, top = int(x), int(y)
        for row, below in ((top, 1 - y + top), (top + 1, y - top)):
            for column, beside in ((left, 1 - x + left), (left + 1, x - left)):
                kernel[row, column] += below * beside
    return round_to_u8(cv2.filter2D(pixels.astype(np.float32), -1, kernel / kernel.sum()))


def _report_time(photo: U8Array) -> None:
    large = np.ascontiguousarray(cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_AREA))
    parts: dict[str, Callable[[], object]] = {
        "resampling": lambda: _judge(large),
        "sharpening and motion": lambda: _edges_of(large),
        "levels": lambda: measure_levels(large),
    }
    times = {name: min(_seconds(part) for _ in range(5)) for name, part in parts.items()}
    each = ", ".join(f"{name} {1000 * seconds:.0f}" for name, seconds in times.items())
    print(f"12 megapixels: {each}; together {1000 * sum(times.values()):.0f} ms")


def _edges_of(pixels: U8Array) -> object:
    edges = find_edges(spread_windows(pixels))
    return measure_sharpening(edges), measure_edge_blur(edges)


def _seconds(part: Callable[[], object]) -> float:
    """Return the time of the processor, which others on the machine do not lengthen."""
    started = time.process_time()
    part()
    return time.process_time() - started


if __name__ == "__main__":
    main()
