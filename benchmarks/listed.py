"""The benchmarks, what each is given, and the figures that are read of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["BENCHMARKS", "FIRST", "KEPT", "PHOTOS", "PLACES", "ROOT", "Benchmark", "Figure"]

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PHOTOS, FIRST, KEPT = "PHOTOS", "FIRST", "KEPT"
CLEAN, TRAIN, REAL, NOISE, SHARED = "CLEAN", "TRAIN", "REAL", "NOISE", "SHARED"
REAL_PAIRS, OTHER_PAIRS = "REAL_PAIRS", "OTHER_PAIRS"
"""Words of a command that stand for the photos, the first of them, a folder of the benchmark's own
where it goes on after an interruption, and places of research data."""
PLACES = {
    CLEAN: DATA / "hr",
    TRAIN: DATA / "train",
    REAL: DATA / "real",
    NOISE: DATA / "pairs" / "cc15_noise",
    REAL_PAIRS: DATA / "pairs" / "realsr_x4",
    OTHER_PAIRS: DATA / "pairs" / "drealsr_x4",
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
        For people; the second as it stands in ``docs/benchmarks.md``, or a page behind it.
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
        It takes minutes, and is run where that is asked for.
    minutes : float
        About how long it takes here, on a quiet machine.
    """

    name: str
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    is_long: bool = False
    minutes: float = 1.0


_NUMBER = r"(-?[\d.,]*\d)"

BENCHMARKS = (
    Benchmark(
        "kernelgan_speed",
        ("--iterations", "4"),
        (
            Figure("times as fast as published, ×2", rf"ratio\s+{_NUMBER}", "30", "| 26 ("),
            Figure("ms an iteration", rf"fast form\s+{_NUMBER}", "–", "| 6.4 ms"),
        ),
        minutes=0.2,
    ),
    Benchmark(
        "pair_building",
        (PHOTOS,),
        (
            Figure(
                "times RealSR's loop",
                rf"clean HR\n[\s\S]*?times_the_published\s+{_NUMBER}",
                "60",
                "**68 to 75 times as fast**",
            ),
            Figure(
                "ms a photo", rf"clean HR\n[\s\S]*?build_pairs_ms\s+{_NUMBER}", "75", "**39–45 ms**"
            ),
            Figure(
                "times RealSR's loop, clean-up",
                rf"clean-up\n[\s\S]*?times_the_published\s+{_NUMBER}",
                "25",
                "**25 to 32 times**",
            ),
        ),
        minutes=0.4,
    ),
    Benchmark(
        "noise_extraction",
        (PHOTOS,),
        (
            Figure("times RealSR's loop, a median photo", rf"command +{_NUMBER} ×", "7", "**2.6**"),
            Figure(
                "ms to search a photo", rf"  search +{_NUMBER} ms", "–", "the search 2.2 to 2.8"
            ),
            Figure(
                "crops a second",
                rf"residual crops per second: {_NUMBER}",
                "20,000",
                "46,000–53,000",
            ),
        ),
        minutes=0.2,
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
        minutes=0.1,
    ),
    Benchmark(
        "batched_degrading",
        (FIRST,),
        (
            Figure(
                "crops a second", rf"plans, reading and turns +{_NUMBER}", "400", "**900–1,120**"
            ),
        ),
        minutes=0.1,
    ),
    Benchmark(
        "damaged_photos",
        (PHOTOS, "--count", "20"),
        (Figure("of OpenCV's time, PNG", rf"\| PNG[^\n|]* \| [\d.]+ \| {_NUMBER} \|", "–", "0.6"),),
        is_long=True,
        minutes=0.5,
    ),
    Benchmark(
        "measuring_cost",
        (FIRST, "--rounds", "3"),
        (Figure("ms, together", rf"\*\*{_NUMBER}\*\*", "150 for 12 megapixels", "121 ms"),),
        minutes=0.1,
    ),
    Benchmark(
        "training",
        ("--steps", "2", "--rounds", "2"),
        (
            Figure("times a plain loop", rf'"ratio": {_NUMBER}', "–", "1.0–1.2"),
            Figure("waiting for data, share", rf'"waiting": {_NUMBER}', "0.02", "0.2 %"),
        ),
        minutes=0.2,
    ),
    Benchmark(
        "photo_history",
        (CLEAN,),
        (Figure("told of none, %", rf"told to be: .*?; {_NUMBER} % of all", "–", "0 of 46"),),
        minutes=0.3,
    ),
    Benchmark(
        "jpeg_history",
        (CLEAN, "--crops", "60"),
        (Figure("ms a crop", rf"claimed; {_NUMBER} ms each", "–", "–"),),
        minutes=0.3,
    ),
    Benchmark(
        "artifacts",
        (CLEAN,),
        (Figure("found of planted, %", rf"\| the lower of both .* {_NUMBER}% \|", "–", "–"),),
        minutes=1.6,
    ),
    Benchmark(
        "artifact_speed",
        (CLEAN,),
        (Figure("2048 x 2048 with files, ms", rf"\nall +{_NUMBER} ms", "300", "**280–288**"),),
    ),
    Benchmark(
        "artifact_tuning",
        (
            *("--judge", CLEAN, "--out", KEPT, "--gans", "0", "--seeds", "0"),
            *(
                "--mse-steps",
                "600",
                "--breaking-steps",
                "400",
                "--steps",
                "60",
                "--save-every",
                "30",
            ),
        ),
        (Figure("flagged inside gone, %", rf"\| \d, \d \| [^|]*, {_NUMBER}% \|", "50", "–"),),
        is_long=True,
        minutes=3,
    ),
    Benchmark(
        "upscaling_memory",
        (FIRST,),
        (Figure("PNG, 0.25 GiB: peak, MiB", rf"\| png \| 0.25 \| {_NUMBER} MiB", "–", "1041 MiB"),),
        is_long=True,
        minutes=5,
    ),
    Benchmark(
        "kernels",
        ("--shared", SHARED, "--photos", "3", "--sets", "bench"),
        (Figure("kPSNR, spectral, dB", rf"\nspectral +{_NUMBER}", "52.3", "**51.8"),),
        is_long=True,
        minutes=0.3,
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
        minutes=0.5,
    ),
    Benchmark(
        "linear_light",
        ("--pairs", REAL_PAIRS),
        (Figure("gain, grey levels", rf"\| realsr_x4 \w+ \| \d+ \| {_NUMBER} \|", "–", "–"),),
        minutes=0.1,
    ),
    Benchmark(
        "colour_coherence",
        ("--pairs", REAL_PAIRS),
        (
            Figure(
                "colours kept at .25 c/px",
                rf"\| colours \|(?: [-\d.]+ \|){{4}} {_NUMBER} \|",
                "–",
                "kept .14",
            ),
        ),
        minutes=0.1,
    ),
    Benchmark(
        "linear_limit",
        ("--pairs", REAL_PAIRS, "--noise", "0"),
        (
            Figure(
                "AUC of the best kernels", rf"\| 0 \| [\d.]+ \| {_NUMBER} \[", "–", ".66 [.61, .71]"
            ),
        ),
        is_long=True,
        minutes=0.5,
    ),
    Benchmark(
        "mixed_cameras",
        ("--pairs", REAL_PAIRS, "--count", "26"),
        (
            Figure("AUC, noise of the pool", rf"\| known \| pool \| {_NUMBER} \[", "–", "–"),
            Figure("AUC, of the camera", rf"\| known \| camera \| {_NUMBER} \[", "–", "–"),
        ),
        is_long=True,
        minutes=0.5,
    ),
    Benchmark(
        "camera_responses",
        (REAL_PAIRS, OTHER_PAIRS),
        (
            Figure(
                "amplitude kept at .275 c/px, RealSR's Nikon",
                rf"realsr_x4, Nikon \|(?: [\d.]+ \|){{6}} {_NUMBER}",
                "–",
                "0.65 and 0.80 by RealSR's",
            ),
        ),
        minutes=0.3,
    ),
    Benchmark(
        "estimates_lack",
        (REAL_PAIRS,),
        (
            Figure(
                "lacking at .175 c/px, RealSR's Nikon",
                rf"realsr_x4, Nikon \| \d+ \|(?: [-+][\d.]+ \|){{3}} \+{_NUMBER}",
                "–",
                "0.13 to 0.15",
            ),
        ),
        minutes=0.6,
    ),
    Benchmark(
        "usual_cameras",
        ("--pairs", OTHER_PAIRS, "--without", "DRealSR", "--splits", "0"),
        (
            Figure("raw dB, what spectra tell", rf"prior none \| [^|]+ \| {_NUMBER}", "–", "−.39"),
            Figure(
                "raw dB, towards cameras", rf"prior cameras \| [^|]+ \| \+?{_NUMBER}", "–", "−.02"
            ),
        ),
        is_long=True,
        minutes=2.0,
    ),
    Benchmark(
        "directed_blur",
        ("--photos", TRAIN, "--count", "17", "--draws", "5"),
        (
            Figure(
                "named, Gaussian 1.6 at 30°",
                rf"Gaussian 1.6, 30° \| (?:[\d.]+ \| ){{2}}{_NUMBER}",
                "5",
                "–",
            ),
            Figure(
                "named where there is none", rf"twice \| (?:[\d.]+ \| ){{2}}{_NUMBER}", "0", "–"
            ),
        ),
        is_long=True,
        minutes=1,
    ),
    Benchmark("fingerprint", (REAL, "--hr", CLEAN), (), is_long=True, minutes=4),
    Benchmark(
        "downstream",
        (
            *("--hr", TRAIN, "--splits", "1", "--directions", "there"),
            *("--sets", "matched + noise:--recipe matched"),
        ),
        (
            Figure(
                "share of the gap, `matched`, %",
                rf"\| matched \+ noise \| {_NUMBER}%",
                "70",
                "123 % [107, 144] on split 1",
            ),
        ),
        is_long=True,
        minutes=3,
    ),
    Benchmark(
        "opinions",
        ("--studies", "60"),
        (Figure("s for the results of 100,000 votes", rf"results in {_NUMBER} s", "–", "–"),),
        is_long=True,
        minutes=0.5,
    ),
)
