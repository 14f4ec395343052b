"""What measuring a photo costs beyond decoding: ``python -m benchmarks.measuring_cost PHOTO …``.

Each measurement of ``build-pool`` and ``history`` measures a photo that is read and decoded, in the
order in which a run does it; what several of them ask of the photo is found once, by the first.
CPU time of one thread in milliseconds, the least of some rounds. ``together`` is what tells of
compression, noise, resizing, sharpening and clipping (wanted: 150 for 12 megapixels); noise
patches, kernels and hashes stand beside it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

WANTED_MS = 150.0
BESIDE = ("decoding", "noise", "kernel", "likeness")
"""What does not count: RealSR's own two measurements, and what is for finding the same photo."""


def measure_costs(path: Path, rounds: int) -> dict[str, float]:
    """Return the milliseconds of decoding a photo, and of each measurement of it, by kind."""
    from degrade.images.sources import SourceFile
    from degrade.kernels.estimates import UnsuitablePhotoError
    from pipelines.measuring.estimate_kernels import EstimateKernelsConfig
    from pipelines.measuring.extract_noise import ExtractNoiseConfig
    from pipelines.measuring.likeness import Likeness
    from pipelines.pool.measurements import MEASUREMENTS, BuildPoolConfig
    from pipelines.shared.photo_scan import OpenPhoto

    pool, photos = Path("pool"), (path,)
    config = BuildPoolConfig(
        kernels=EstimateKernelsConfig(sources=photos, pool=pool),
        noise=ExtractNoiseConfig(sources=photos, pool=pool),
    )
    measurements = [collector(config).measurement for collector in MEASUREMENTS.values()]
    least: dict[str, float] = defaultdict(lambda: float("inf"))
    for _ in range(rounds):
        photo = OpenPhoto(SourceFile(path, path.name))
        started = time.process_time()
        _ = photo.photo
        least["decoding"] = min(least["decoding"], 1000 * (time.process_time() - started))
        for measurement in (*measurements, Likeness()):
            started = time.process_time()
            try:
                measurement.measure(photo)
            except UnsuitablePhotoError:
                continue
            spent = 1000 * (time.process_time() - started)
            least[measurement.kind] = min(least[measurement.kind], spent)
    return dict(least)


def table_of(costs: Sequence[tuple[Path, dict[str, float]]]) -> str:
    """Return the costs of photos, a row each."""
    kinds = list(dict.fromkeys(kind for _, found in costs for kind in found))
    counted = [kind for kind in kinds if kind not in BESIDE]
    beside = [kind for kind in kinds if kind in BESIDE]
    head = ["photo", *counted, "together", "of decoding", *beside]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for path, found in costs:
        together = sum(found.get(kind, 0.0) for kind in counted)
        cells = [f"{found[kind]:.1f}" if kind in found else "–" for kind in counted]
        cells += [f"**{together:.0f}**", f"{together / found['decoding']:.2f}"]
        cells += [f"{found[kind]:.0f}" if kind in found else "–" for kind in beside]
        lines.append("| " + " | ".join([path.name, *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    for name in _ONE_THREAD:  # before the libraries are loaded
        os.environ[name] = "1"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    import cv2

    cv2.setNumThreads(1)
    costs = [(path, measure_costs(path, chosen.rounds)) for path in chosen.photos]
    print(table_of(costs))
    print(f"(milliseconds of one core, the least of {chosen.rounds}; wanted {WANTED_MS:.0f})")


if __name__ == "__main__":
    main()
