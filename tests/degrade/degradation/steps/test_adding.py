"""A step is one class and one row: a toy one goes all the way by these two alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from degrade.arrays import FloatArray
from degrade.degradation import PoolIndex
from degrade.degradation.steps import STEPS, Chance, Step, StepInputs
from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError, InvalidValueError
from degrade.images.image_io import quantise, write_png
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Findings
from esrgan.data import PairDataset
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli import main
from pipelines.pairs.checks import ReplayConfig, replay_pair, verify
from tests.degrade.pool.parts import make_photo
from tests.making import fill_pool, make_scene


class Haze(Step, frozen=True):
    """Mix LR with grey."""

    kind: ClassVar[str] = "haze"
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)]

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        if len(index.kernel_ids) < 2:
            raise InvalidValueError("the pool is too small for haze")
        return cls(20 + int(rng.integers(20)))

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        share = np.float32(self.percent / 100)
        return levels + (np.float32(128) - levels) * share

    def words(self) -> str:
        return f"{self.percent} % haze"


class MeasuredHaze(Haze, frozen=True):
    """Mix LR with as much grey as was measured in a photo."""

    kind: ClassVar[str] = "measured-haze"
    draws_from: ClassVar[tuple[str, ...]] = ("haze-level",)

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        found = index.measured["haze-level"]
        assert list(index.measured) == ["haze-level"]
        return cls(int(found[rng.integers(len(found))].values["percent"]))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildPairsConfig:
    monkeypatch.setitem(STEPS, Haze.kind, Haze)
    (tmp_path / "hr").mkdir()
    write_png(tmp_path / "hr" / "scene.png", quantise(make_scene("haze", 96, 128)))
    return BuildPairsConfig(
        pool=fill_pool(tmp_path / "pool").path,
        hr=(tmp_path / "hr",),
        out=tmp_path / "pairs",
        scale=2,
        hr_size=64,
        noise="none",
        further=("haze",),
        omitted=("linear-light",),
    )


def test_added_step_is_drawn_stored_read_back_replayed_and_shown(
    config: BuildPairsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_pairs(config)
    assert verify(config.out).done == 4
    with open_pairs(Path(config.out)) as reader:
        plans = {record.key: record.plan for record in reader.records}
        contrasts = {key: float(reader.read(n)[0].std()) for n, key in enumerate(reader.keys)}
    drawn = set()
    for key, plan in plans.items():
        assert plan is not None
        blur, haze = plan.steps
        assert blur.kind == "blur" and isinstance(haze, Haze) and 20 <= haze.percent < 40
        drawn.add(haze.words())
        replayed = replay_pair(ReplayConfig(pairs=Path(config.out), key=key))
        assert replayed.identical and replayed.plan == plan and contrasts[key] > 0
    assert len(drawn) > 1
    shown = CliRunner().invoke(main, ["replay", str(config.out), key])
    assert shown.exit_code == 0, shown.output
    assert f"\n{haze.words()}\n" in shown.output

    monkeypatch.delitem(STEPS, Haze.kind)
    with pytest.raises(
        CorruptDataError, match=r"steps\[1\]: there is no step 'haze', only hr-patch"
    ):
        open_pairs(Path(config.out))


def test_added_step_changes_what_it_says(config: BuildPairsConfig, tmp_path: Path) -> None:
    clear = replace(config, out=tmp_path / "clear", further=())
    build_pairs(config)
    build_pairs(clear)
    with open_pairs(Path(config.out)) as hazy, open_pairs(Path(clear.out)) as plain:
        for row, record in enumerate(hazy.records):
            assert record.plan is not None
            percent = getattr(record.plan.steps[1], "percent", None)
            assert percent is not None
            there, there_not = (reader.read(row)[0].astype(float) for reader in (hazy, plain))
            assert np.abs(there - (there_not + (128 - there_not) * percent / 100)).max() <= 1


def test_runs_with_and_without_a_further_step_do_not_mix(config: BuildPairsConfig) -> None:
    build_pairs(config)
    with pytest.raises(ChangedConfigError, match="`recipe`: always haze -> nothing"):
        build_pairs(replace(config, further=()))


def test_pool_that_lacks_what_a_step_needs_is_refused_at_the_start(
    config: BuildPairsConfig, tmp_path: Path
) -> None:
    small = replace(config, pool=fill_pool(tmp_path / "small", kernels=1).path)
    with pytest.raises(DegradeError, match="small cannot give haze: the pool is too small"):
        build_pairs(small)
    assert not Path(config.out).exists()


def _measure(config: BuildPairsConfig, kind: str, **values: int) -> None:
    found = Findings(kind=kind, settings={}, values=values)
    DegradationPool.open(config.pool).add_findings(make_photo(), [found])


@pytest.mark.parametrize("noise", ["none", "defer"])
def test_run_goes_on_when_its_pool_has_learned_what_its_steps_do_not_draw_from(
    config: BuildPairsConfig, monkeypatch: pytest.MonkeyPatch, noise: Literal["none", "defer"]
) -> None:
    monkeypatch.setitem(STEPS, MeasuredHaze.kind, MeasuredHaze)
    _measure(config, "haze-level", percent=30)
    config = replace(config, further=("measured-haze",), noise=noise)
    built = build_pairs(config).done
    _measure(config, "camera", iso=100)
    again = build_pairs(config)
    assert (again.done, again.skipped) == (0, built)
    if noise == "defer":
        fingerprint = PairDataset(Path(config.out), hr_patch=32, seed=0).fingerprint
        _measure(config, "camera", iso=200)
        assert PairDataset(Path(config.out), hr_patch=32, seed=0).fingerprint == fingerprint
    _measure(config, "haze-level", percent=40)
    with pytest.raises(ChangedConfigError, match="the pool's content"):
        build_pairs(config)


def test_run_of_steps_that_draw_from_no_values_does_not_mind_any(config: BuildPairsConfig) -> None:
    built = build_pairs(config).done
    _measure(config, "haze-level", percent=30)
    assert build_pairs(config).skipped == built
