"""Recipes that measure nothing need no pool: pairs, what is done with them, and training."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Provenance
from pipelines.cli import main
from tests.making import fill_pool, make_scene

TRAIN = ("--preset", "tiny", "--steps", 2, "--batch-size", 2, "--device", "cpu")


def degrade(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def hr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hr")
    for name in "abc":
        write_png(folder / f"{name}.png", quantise(make_scene(name, 128, 128)))
    return folder


def build(hr: Path, out: Path, *further: object) -> Result:
    given = ("--hr", hr, "--out", out, "--scale", 2, "--hr-size", 64)
    return degrade("build-pairs", "--recipe", "second-order", *given, *further)


@pytest.fixture(scope="module")
def pairs(hr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "pairs"
    made = build(hr, out, "--jobs", 1)
    assert made.exit_code == 0, made.output
    assert "12 pairs" in made.output and "recipe second-order:" in made.output
    return out


def test_pairs_are_resumed_verified_and_replayed(hr: Path, pairs: Path, tmp_path: Path) -> None:
    again = build(hr, pairs, "--jobs", 1)
    assert again.exit_code == 0 and "12 already there" in again.output
    run = json.loads((pairs / "run.json").read_bytes())
    assert run["pool"] is None
    assert degrade("verify", pairs).exit_code == 0
    with open_pairs(pairs) as reader:
        key = reader.keys[5]
        plans = [record.plan for record in reader.records]
    kinds = {step.kind for plan in plans if plan is not None for step in plan.steps}
    assert "synthetic-blur" in kinds and "blur" not in kinds
    replayed = degrade("replay", pairs, key)
    assert replayed.exit_code == 0 and "identical" in replayed.output
    assert degrade("inspect", pairs).exit_code == 0
    exported = degrade("export", pairs, tmp_path / "out", "--to", "kair")
    assert exported.exit_code == 0, exported.output


def test_pairs_are_those_that_any_pool_and_any_number_of_workers_give(
    hr: Path, pairs: Path, tmp_path: Path
) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2).path
    for name, further in (("measured", ("--pool", pool)), ("jobs", ("--jobs", 2))):
        out = tmp_path / f"pairs {name}"
        made = build(hr, out, *further)
        assert made.exit_code == 0, made.output
        with open_pairs(pairs) as own, open_pairs(out) as other:
            assert own.keys == other.keys
            for number in range(len(own)):
                assert all(
                    np.array_equal(*both)
                    for both in zip(own.read(number), other.read(number), strict=True)
                )
    assert (tmp_path / "pairs jobs" / "shard-00000.json").read_bytes() == (
        pairs / "shard-00000.json"
    ).read_bytes()


def test_what_draws_from_a_pool_asks_for_one(hr: Path, tmp_path: Path) -> None:
    given = ("--hr", hr, "--out", tmp_path / "pairs", "--scale", 2)
    for further, kinds in (((), "blur, residual"), (("--recipe", "measured+spread"), "blur")):
        refused = degrade("build-pairs", *given, *further)
        assert refused.exit_code == 2
        assert f"give either --pool or --fingerprint: the recipe draws {kinds}" in refused.output
    refused = degrade("build-pairs", "--recipe", "second-order", "--out", tmp_path / "none")
    assert refused.exit_code == 1 and "there are no photos: give --hr" in refused.output
    refused = degrade("train", "--hr", hr, "--scale", 2, *TRAIN, "--out", tmp_path / "model")
    assert refused.exit_code == 1
    assert "draws blur, residual from a pool: give one, --pool DIR" in refused.output
    assert not any(tmp_path.iterdir())


def test_training_degrades_photos_and_pairs_without_a_pool(hr: Path, tmp_path: Path) -> None:
    recipe = ("--recipe", "second-order", "--scale", 2)
    trained = degrade("train", "--hr", hr, *recipe, *TRAIN, "--out", tmp_path / "photos")
    assert trained.exit_code == 0, trained.output
    goes_on = (*recipe, *TRAIN, "--steps", 3, "--out", tmp_path / "photos")
    trained = degrade("train", "--hr", hr, *goes_on)
    assert trained.exit_code == 0 and "1 step, 2 already there" in trained.output, trained.output
    (tmp_path / "late.toml").write_text(
        '[[steps]]\nkind = "hr-patch"\n[[steps]]\nkind = "lr-size"\n'
        '[[steps]]\nkind = "gaussian-noise"\n'
    )
    made = build(hr, tmp_path / "pairs", "--noise", "defer", "--recipe", tmp_path / "late.toml")
    assert made.exit_code == 0, made.output
    trained = degrade("train", "--pairs", tmp_path / "pairs", *TRAIN, "--out", tmp_path / "late")
    assert trained.exit_code == 0, trained.output
    for name in ("photos", "late"):
        assert (tmp_path / name / "generator.pth").is_file()


def test_recipe_show_says_which_need_none() -> None:
    assert "nothing of it is drawn from a pool" in degrade("recipe", "show", "second-order").output
    assert "nothing of it is drawn" not in degrade("recipe", "show", "measured").output


def test_a_pool_of_nothing_stays_one() -> None:
    nothing = pickle.loads(pickle.dumps(DegradationPool.open(None)))
    assert nothing.is_nothing and not nothing.is_fingerprint
    assert nothing.kernels == () and nothing.index(4).noise == () and nothing.verify() == []
    with pytest.raises(InvalidValueError, match="no pool that anything could be added to"):
        nothing.add_kernel(
            gaussian_kernel(9, 2, (1.0, 1.0)), Provenance("a", None, None, "b", {}, "1")
        )
