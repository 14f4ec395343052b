"""The sets of photos whose kernel is known: the shared bench and those made here by code."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.kernels import shapes
from degrade.arrays import U8Array
from degrade.errors import DegradeError
from degrade.geometry import Scale, as_scale, fitting_side
from degrade.images.image_io import quantise, read_photo
from degrade.kernels import BlurKernel, downsample, repair_kernel
from degrade.rng import rng_for

SEED = 20240229
LARGEST_SIDE = 1020
MANIFEST = Path("data") / "MANIFEST.csv"
BENCH = Path("bench") / "kernels"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A photo, what became of it and by which kernel.

    Attributes
    ----------
    name : str
    hr_u8 : (H, W, 3) uint8 array
    lr_u8 : (H / s, W / s, 3) uint8 array
        What a method sees; noisy or compressed in some sets.
    clean_lr_u8 : (H / s, W / s, 3) uint8 array
        The same without noise and compression.
    truth : BlurKernel
    """

    name: str
    hr_u8: U8Array
    lr_u8: U8Array
    clean_lr_u8: U8Array
    truth: BlurKernel


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a case: its kernel, and what happens to LR after it."""

    name: str
    kernel: Callable[[Scale], BlurKernel]
    noise_sigma: float = 0.0
    jpeg_quality: int | None = None


def bench_cases(shared: Path, folder: str = "lr", root: str = "") -> Iterator[Case]:
    """Yield the shared bench's cases with LR from one of its folders."""
    base = shared / BENCH / root
    for path in sorted((base / folder).glob("*.png")):
        lr_u8, clean_u8, hr_u8 = (
            read_photo(base / part / path.name).as_u8() for part in (folder, "lr", "hr")
        )
        truth, _ = repair_kernel(np.load(base / "gt" / f"{path.stem}.npy", allow_pickle=False), 2)
        height, width = (2 * side for side in lr_u8.shape[:2])
        yield Case(path.stem, hr_u8[:height, :width], lr_u8, clean_u8, truth)


def made_cases(
    shared: Path, recipes: Callable[[Path, Scale], Sequence[Recipe]], scale: Scale
) -> Iterator[Case]:
    """Yield cases made of photos that no estimator here is trained on."""
    photos = research_photos(shared)
    for number, recipe in enumerate(recipes(shared, scale)):
        yield make_case(recipe, photos[(7 * number + int(scale)) % len(photos)], scale)


def research_photos(shared: Path) -> list[Path]:
    """Return the clean photos of unclear licence and those of the bench.

    Estimators are trained on photos of a clear licence, so on none of these.
    """
    with (shared / MANIFEST).open(newline="", encoding="utf-8") as file:
        listed = [
            shared / "data" / row["file"]
            for row in csv.DictReader(file)
            if row["role"] == "clean_hr" and row["licence_class"] == "research_or_unknown"
        ]
    return sorted(listed) + sorted((shared / BENCH / "hr").glob("*.png"))


def make_case(recipe: Recipe, photo: Path, scale: Scale) -> Case:
    """Degrade the centre of a photo by a recipe; the recipe's name decides all that is random."""
    hr_u8 = _centre(read_photo(photo).as_u8(), scale)
    kernel = recipe.kernel(scale)
    lr = downsample(hr_u8.astype(np.float32) / np.float32(255), kernel)
    clean_u8 = quantise(lr)
    rng = rng_for(SEED, "benchmarks.kernels", "noise", recipe.name, _key(scale))
    noise = rng.normal(0, recipe.noise_sigma / 255, lr.shape) if recipe.noise_sigma else 0.0
    lr_u8 = quantise(np.asarray(lr + noise, dtype=np.float32))
    if recipe.jpeg_quality is not None:
        lr_u8 = _compress(lr_u8, recipe.jpeg_quality)
    return Case(f"{recipe.name} · {photo.stem}", hr_u8, lr_u8, clean_u8, kernel)


def _key(scale: Scale) -> int | str:
    return scale if isinstance(scale, int) else str(scale)


def _centre(photo_u8: U8Array, scale: Scale) -> U8Array:
    height, width = (fitting_side(min(side, LARGEST_SIDE), scale) for side in photo_u8.shape[:2])
    top, left = (photo_u8.shape[0] - height) // 2, (photo_u8.shape[1] - width) // 2
    return np.ascontiguousarray(photo_u8[top : top + height, left : left + width])


def _compress(rgb_u8: U8Array, quality: int) -> U8Array:
    bgr = cv2.cvtColor(rgb_u8, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
    if decoded is None:
        raise DegradeError("OpenCV could not write or read a JPEG")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def in_family(shared: Path, scale: Scale, count: int = 12) -> list[Recipe]:
    """Return recipes with kernels of DIV2KRK's family."""

    def kernel(scale: Scale, number: int) -> BlurKernel:
        rng = rng_for(SEED, "benchmarks.kernels", "div2krk", _key(scale), number)
        return shapes.div2krk(rng, scale)

    return [Recipe(f"div2krk-{n:02}", partial(kernel, number=n)) for n in range(1, count + 1)]


def out_of_family(shared: Path, scale: Scale) -> list[Recipe]:
    """Return recipes with kernels that no Gaussian family holds."""
    return [
        *(Recipe(name, partial(_rendered, density)) for name, density in _SMOOTH.items()),
        *(Recipe(name, partial(_sampled, profile)) for name, profile in _RESAMPLERS.items()),
        *(Recipe(name, partial(_measured, shared, name)) for name in _SHAKES),
        Recipe("disk-noise", partial(_rendered, shapes.disk(1.1)), noise_sigma=3),
        Recipe("bicubic-noise", partial(_sampled, shapes.bicubic), noise_sigma=3),
        Recipe("motion-jpeg", partial(_rendered, shapes.motion(2.2, 110)), jpeg_quality=85),
        Recipe("halo-jpeg", partial(_rendered, _SMOOTH["halo-near"]), jpeg_quality=85),
        Recipe("sharp-jpeg", partial(_rendered, _SMOOTH["sharpened-mild"]), jpeg_quality=85),
    ]


def some_out_of_family(shared: Path, scale: Scale) -> list[Recipe]:
    """Return the recipes of :func:`out_of_family` that are tried at larger scales too."""
    return [recipe for recipe in out_of_family(shared, scale) if recipe.name in _AT_ALL_SCALES]


def _rendered(density: shapes.Density, scale: Scale) -> BlurKernel:
    return shapes.render(density, scale)


def _sampled(profile: Callable[[shapes.Grid], shapes.Grid], scale: Scale) -> BlurKernel:
    # A resampling filter's taps are values at the pixels' centres, not integrals over them.
    return shapes.render(shapes.separable(profile), scale, oversample=1)


def _measured(shared: Path, name: str, scale: Scale) -> BlurKernel:
    file, tap = _SHAKES[name]
    return shapes.render(shapes.measured(shared / "data" / "kernels" / file, tap), scale)


_SMOOTH: dict[str, shapes.Density] = {
    "disk-small": shapes.disk(0.75),
    "disk-large": shapes.disk(1.6),
    "hexagon": shapes.polygon(1.4, 6, 10),
    "ring-wide": shapes.ring(0.6, 1.4),
    "ring-thin": shapes.ring(1.1, 1.5),
    "motion-short": shapes.motion(1.5, 20),
    "motion-diagonal": shapes.motion(2.5, 135),
    "motion-long": shapes.motion(3.5, 65),
    "arc": shapes.motion(3.0, 40, sweep=120),
    "arc-closed": shapes.motion(4.0, 100, sweep=250),
    "box-square": shapes.box(1.0, 1.0),
    "box-long": shapes.box(1.2, 2.4),
    "sharpened-mild": shapes.mix((1.4, shapes.gaussian(0.55)), (-0.4, shapes.gaussian(1.0))),
    "sharpened-strong": shapes.mix((1.9, shapes.gaussian(0.6)), (-0.9, shapes.gaussian(0.95))),
    "halo-near": shapes.mix((0.7, shapes.gaussian(0.5)), (0.3, shapes.gaussian(1.3))),
    "halo-wide": shapes.mix((0.75, shapes.gaussian(0.6, 0.4, 30)), (0.25, shapes.gaussian(1.8))),
    "moffat": shapes.moffat(0.8, 2.2),
    "moffat-narrow": shapes.moffat(0.5, 1.9),
    "exponential": shapes.exponential(0.6, 0.35, 50),
    "skewed": shapes.skewed(1.3, 25, 4),
    "skewed-steep": shapes.skewed(1.0, 160, 8),
}
_RESAMPLERS: dict[str, Callable[[shapes.Grid], shapes.Grid]] = {
    "bicubic": shapes.bicubic,
    "lanczos3": shapes.lanczos3,
    "bilinear": shapes.bilinear,
}
_SHAKES = {
    "shake-short": ("dpsr_single/m_11.mat", 0.28),
    "shake-steep": ("dpsr_single/m_22.mat", 0.28),
    "shake-long": ("dpsr_x4/test_03_m_26.mat", 0.25),
}  # files and the LR pixels that a tap of theirs becomes
_AT_ALL_SCALES = frozenset(
    {
        "disk-large",
        "hexagon",
        "ring-wide",
        "motion-diagonal",
        "arc",
        "box-square",
        "bicubic",
        "sharpened-strong",
        "halo-near",
        "moffat",
        "skewed",
        "shake-short",
    }
)

SETS: dict[str, tuple[Scale, Callable[[Path], Iterator[Case]]]] = {
    "bench": (2, bench_cases),
    "noise5": (2, partial(bench_cases, folder="lr_noise5")),
    "jpeg70": (2, partial(bench_cases, folder="lr_jpeg70")),
    "oof": (2, partial(bench_cases, root="oof")),
    "wide": (2, partial(made_cases, recipes=out_of_family, scale=2)),
    "x3": (3, partial(made_cases, recipes=in_family, scale=3)),
    "x3-oof": (3, partial(made_cases, recipes=some_out_of_family, scale=3)),
    "x4": (4, partial(made_cases, recipes=in_family, scale=4)),
    "x4-oof": (4, partial(made_cases, recipes=some_out_of_family, scale=4)),
    **{
        f"x{scale}{suffix}": (scale, partial(made_cases, recipes=recipes, scale=scale))
        for scale in map(as_scale, ("1.5", "2.5", "3.5", "6"))
        for suffix, recipes in (("", in_family), ("-oof", some_out_of_family))
    },
}
"""Scale and cases of each set, by its name on the command line."""


def cases_of(name: str, shared: Path, count: int | None) -> Iterator[Case]:
    """Yield the first ``count`` cases of a set, or all."""
    return islice(SETS[name][1](shared), count)
