"""The benchmarks, what each is given, and the figures that are read of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["BENCHMARKS", "FIRST", "PHOTOS", "PLACES", "ROOT", "Benchmark", "Figure"]

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PHOTOS, FIRST = "PHOTOS", "FIRST"
CLEAN, TRAIN, REAL, NOISE, SHARED = "CLEAN", "TRAIN", "REAL", "NOISE", "SHARED"
REAL_PAIRS = "REAL_PAIRS"
"""Words of a command that stand for the photos, the first of them, and places of research data."""
PLACES = {
    CLEAN: DATA / "hr",
    TRAIN: DATA / "train",
    REAL: DATA / "real",
    NOISE: DATA / "pairs" / "cc15_noise",
    REAL_PAIRS: DATA / "pairs" / "realsr_x4",
    SHARED: DATA.parent,
}


class Figure(NamedTuple):
    """A number in a benchmark's output.

    Attributes
    ----------
    name : str
    pattern : str
        A regular expression with one group; of several matches the median counts.
    wanted, documented : str
        For people; the second as it stands in ``docs/benchmarks.md``.
    """

    name: str
    pattern: str
    wanted: str
    documented: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, what it is given here, and what is read of it.

    Attributes
    ----------
    name : str
        Of its module in ``benchmarks``.
    words : tuple of str
        Its arguments.
    figures : tuple of Figure
    is_long : bool
        It takes many minutes.
    """

    name: str
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    is_long: bool = False


_NUMBER = r"(-?[\d.,]*\d)"

BENCHMARKS = (
    Benchmark(
        "kernelgan_speed",
        ("--iterations", "4"),
        (
            Figure("times as fast as published, ×2", rf"ratio\s+{_NUMBER}", "30", "| 26 ("),
            Figure("ms an iteration", rf"fast form\s+{_NUMBER}", "–", "| 6.4 ms"),
        ),
    ),
    Benchmark(
        "pair_building",
        (PHOTOS,),
        (
            Figure(
                "times RealSR's loop",
                rf"clean HR\n[\s\S]*?times_the_published\s+{_NUMBER}",
                "60",
                "**71 times as fast**",
            ),
            Figure(
                "ms a photo", rf"clean HR\n[\s\S]*?build_pairs_ms\s+{_NUMBER}", "75", "**52 ms**"
            ),
            Figure(
                "times RealSR's loop, clean-up",
                rf"clean-up\n[\s\S]*?times_the_published\s+{_NUMBER}",
                "25",
                "**29 times**",
            ),
        ),
    ),
    Benchmark(
        "noise_extraction",
        (PHOTOS,),
        (
            Figure("times RealSR's loop, a median photo", rf"command +{_NUMBER} ×", "7", "**2.7**"),
            Figure("ms to search a photo", rf"  search +{_NUMBER} ms", "–", "the search 2.7"),
            Figure(
                "crops a second",
                rf"residual crops per second: {_NUMBER}",
                "20,000",
                "46,000–53,000",
            ),
        ),
    ),
    Benchmark(
        "training_reader",
        (PHOTOS, "--rounds", "3"),
        (
            Figure(
                "times BasicSR's rules, warm",
                rf'"warm_ratio": {{[^}}]*"hdf5": {_NUMBER}',
                "40",
                "| 101 (wanted 40)",
            ),
            Figure(
                "the same, cold",
                rf'"cold_ratio": {{[^}}]*"hdf5": {_NUMBER}',
                "5",
                "| 22 (wanted 5)",
            ),
        ),
    ),
    Benchmark(
        "batched_degrading",
        (FIRST,),
        (
            Figure(
                "crops a second", rf"plans, reading and turns +{_NUMBER}", "400", "**900–1,120**"
            ),
        ),
    ),
    Benchmark(
        "damaged_photos",
        (PHOTOS, "--count", "20"),
        (Figure("of OpenCV's time, PNG", rf"\| PNG[^\n|]* \| [\d.]+ \| {_NUMBER} \|", "–", "0.6"),),
        is_long=True,
    ),
    Benchmark(
        "measuring_cost",
        (FIRST, "--rounds", "3"),
        (Figure("ms, together", rf"\*\*{_NUMBER}\*\*", "150 for 12 megapixels", "121 ms"),),
    ),
    Benchmark(
        "training",
        ("--steps", "2", "--rounds", "2"),
        (
            Figure("times a plain loop", rf'"ratio": {_NUMBER}', "–", "1.0–1.2"),
            Figure("waiting for data, share", rf'"waiting": {_NUMBER}', "0.02", "0.2 %"),
        ),
    ),
    Benchmark(
        "photo_history",
        (CLEAN,),
        (Figure("told of none, %", rf"told to be: .*?; {_NUMBER} % of all", "–", "0 of 46"),),
    ),
    Benchmark(
        "jpeg_history",
        (CLEAN, "--crops", "60"),
        (Figure("ms a crop", rf"claimed; {_NUMBER} ms each", "–", "–"),),
    ),
    Benchmark(
        "artifacts",
        (CLEAN,),
        (Figure("found of planted, %", rf"\| the lower of both .* {_NUMBER}% \|", "–", "–"),),
    ),
    Benchmark(
        "artifact_speed",
        (CLEAN,),
        (Figure("2048 x 2048 with files, ms", rf"\nall +{_NUMBER} ms", "300", "**280–288**"),),
    ),
    Benchmark(
        "artifact_tuning",
        ("--judge", CLEAN),
        (Figure("flagged inside gone, %", rf"\| \d, \d \| [^|]*, {_NUMBER}% \|", "50", "–"),),
        is_long=True,
    ),
    Benchmark(
        "upscaling_memory",
        (FIRST,),
        (Figure("PNG, 0.25 GiB: peak, MiB", rf"\| png \| 0.25 \| {_NUMBER} MiB", "–", "1041 MiB"),),
        is_long=True,
    ),
    Benchmark(
        "kernels",
        ("--shared", SHARED, "--photos", "3", "--sets", "bench"),
        (Figure("kPSNR, spectral, dB", rf"\nspectral +{_NUMBER}", "52.3", "**51.8"),),
        is_long=True,
    ),
    Benchmark(
        "noise_model",
        (NOISE,),
        (
            Figure(
                "variance by level, median error",
                rf"all, noise-model: +variance, median error {_NUMBER}",
                "0.1",
                "–",
            ),
        ),
        is_long=True,
    ),
    Benchmark(
        "linear_light",
        ("--pairs", REAL_PAIRS),
        (Figure("gain, grey levels", rf"\| realsr_x4 \w+ \| \d+ \| {_NUMBER} \|", "–", "–"),),
    ),
    Benchmark("fingerprint", (REAL, "--hr", CLEAN), (), is_long=True),
    Benchmark("downstream", ("--hr", TRAIN), (), is_long=True),
    Benchmark(
        "opinions",
        ("--studies", "60"),
        (Figure("s for the results of 100,000 votes", rf"results in {_NUMBER} s", "–", "–"),),
        is_long=True,
    ),
)
