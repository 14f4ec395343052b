"""What is said of several cameras that share one gain; gains of their own: ``test_match.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from pipelines.matching.camera_gains import gains_by_camera
from pipelines.matching.match_bench import Bench
from pipelines.matching.match_loop import LoopResult
from pipelines.shared.job import Job
from tests.making import make_scene
from tests.pipelines.matching.pools import add_photo


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({100: 12}, None),
        ({100: 12, 3200: 12}, "of 2 cameras or settings (lens, focal length, ISO, size), and none"),
        ({100: 21, 3200: 3}, "of 2 cameras or settings (lens, focal length, ISO, size), and one"),
    ],
)
def test_settings_that_share_a_gain_are_told(
    tmp_path: Path, counts: dict[int, int], said: str | None
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for iso, count in counts.items():
        values = {"make": "Test", "model": "one", "iso": iso}
        found = Findings(kind="camera", settings={}, values=values)
        for number in range(count):
            path = tmp_path / f"{iso} {number}.png"
            write_png(path, quantise(make_scene(path.name, 16, 16)))
            kernel = gaussian_kernel(9, 2, (1 + number / 1000, 1.0))
            add_photo(pool, path, kernel, found, side=16)
    keys = tuple(photo.sha256 for photo in pool.photos)
    bench = Bench(pool, cast(Any, None), (), keys, 2, 0)
    before = LoopResult({}, {}, cast(Any, None), (), ())
    job = Job("match", "photo")
    assert gains_by_camera(job, bench, {}, before, pool.kernels, None) is before
    told = [fact.words for fact in job.facts]
    assert (said is None) == (not told)
    assert all(said in words and "one gain for all" in words for words in told if said)
