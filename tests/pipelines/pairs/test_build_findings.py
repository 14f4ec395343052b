"""What is said of noise before anyone trains on it: sewn, compressed twice, of which cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from degrade.degradation import MEASURED
from degrade.degradation.recipes import with_step
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.pool import DegradationPool, Findings
from pipelines import BuildPairsConfig
from pipelines.pairs.build_findings import (
    tell_clipping,
    tell_noise,
    tell_recipe,
    tell_spectral,
)
from pipelines.shared.job import Job
from tests.making import fill_pool
from tests.pipelines.pairs.camera_pools import CAMERAS, fill


@pytest.fixture
def pool(tmp_path: Path) -> DegradationPool:
    return fill(tmp_path / "pool", list(CAMERAS))


@pytest.fixture
def config(tmp_path: Path, pool: DegradationPool) -> BuildPairsConfig:
    return BuildPairsConfig(
        pool=pool.path, hr=(tmp_path,), out=tmp_path / "pairs", scale=2, hr_size=64
    )


def told(pool: DegradationPool, config: BuildPairsConfig) -> dict[str, str]:
    job = Job("build-pairs", "pair")
    tell_noise(job, pool, config)
    return {fact.kind: fact.words for fact in job.facts}


def test_patches_smaller_than_lr_are_sewn_and_larger_ones_are_not(
    pool: DegradationPool, config: BuildPairsConfig
) -> None:
    assert "sewn_noise" not in told(pool, config)  # 64 pixels, and LR has 32
    words = told(pool, replace(config, hr_size=256))["sewn_noise"]
    assert words.startswith("9 of 9 noise patches are smaller than LR")
    assert "sewn_noise" not in told(pool, replace(config, hr_size=256, noise="defer"))


def test_noise_that_was_compressed_is_told_where_lr_is_compressed(
    pool: DegradationPool, config: BuildPairsConfig
) -> None:
    jpeg = replace(config, recipe=with_step(MEASURED, "jpeg"))
    assert "unknown_compression" in told(pool, jpeg)
    assert "unknown_compression" not in told(pool, config), "nothing is compressed"
    tables = msgspec.to_builtins(JpegSettings(*standard_tables(80), "4:2:0"))
    values = {"format": "jpeg", "quality": 80, "unit": [0, 0, 16, 16], **tables}
    for photo in pool.photos[:4]:
        pool.add_findings(photo, [Findings(kind="jpeg", settings={}, values=values)])
    found = told(pool, jpeg)
    assert found["compressed_noise"].startswith("4 of 9 noise patches are from JPEG photos")
    assert "whether 5 of 9 noise patches were compressed before" in found["unknown_compression"]


def test_the_recipe_is_told_with_what_is_left_to_training(config: BuildPairsConfig) -> None:
    for noise, deferred in (("bake", 0), ("defer", 1)):
        job = Job("build-pairs", "pair")
        tell_recipe(job, replace(config, noise=noise))  # type: ignore[arg-type]
        assert job.facts[0].words == "recipe measured:"
        assert sum(bool(fact.values.get("deferred")) for fact in job.facts) >= deferred
        assert all(
            ("left to training" in f.words) == (f.values.get("deferred") is True) for f in job.facts
        )


@pytest.mark.parametrize(("omitted", "is_told"), [((), True), (("response",), False)])
def test_kernels_without_a_response_are_told(
    tmp_path: Path,
    pool: DegradationPool,
    config: BuildPairsConfig,
    omitted: tuple[str, ...],
    is_told: bool,
) -> None:
    def told_of(of: DegradationPool) -> list[str]:
        job = Job("build-pairs", "pair")
        tell_spectral(job, of, replace(config, omitted=omitted))
        return [fact.words for fact in job.facts]

    assert told_of(pool) == []  # all are the estimator's
    by_hand = fill_pool(tmp_path / "by hand", kernels=3)
    assert told_of(by_hand) == ["the spectral estimator found 0 of the 3 kernels"] * is_told


@pytest.mark.parametrize(
    ("changes", "noise"),
    [
        ({}, ["model-error", "residual"]),
        ({"model_error": "none"}, ["residual"]),
        ({"noise_from": "model", "model_error": "none"}, ["noise-model"]),
        ({"noise": "none"}, []),
        ({"noise": "none", "model_error": 2.0}, ["model-error"]),
        ({"noise": "defer"}, []),
    ],
)
def test_clipping_is_told_with_the_noise_that_is_clipped(
    config: BuildPairsConfig, changes: dict[str, Any], noise: list[str]
) -> None:
    for shift, is_told in ((0.02, True), (0.0001, bool(noise))):
        job = Job("build-pairs", "pair")
        tell_clipping(job, replace(config, **changes), shift)
        assert bool(job.facts) == is_told
        for fact in job.facts:
            assert fact.values["noise"] == noise
            assert all(kind in fact.words for kind in noise)
            assert ("has no noise" in fact.words) == (not noise)
