"""The benchmark of what pairs teach: its splits, its controls, its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.downstream.command import NETWORK, main, tables
from benchmarks.downstream.judging import judge, learn_from
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs, split_scenes
from benchmarks.downstream.tone import tone_of, toned
from benchmarks.downstream.training_sets import CEILING, FLOOR, synthetic_sets
from degrade.arrays import round_to_u8
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.resample import imresize
from tests.degrade.audit.scenes import make_photo

_BLUR = gaussian_kernel(17, 2, (1.6, 1.6))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[RealPair]:
    folder = tmp_path_factory.mktemp("real")
    for number in range(10):
        hr = make_photo(f"scene {number}", 96, noise=0.2)
        write_png(folder / f"{number}_HR.png", hr)
        write_png(
            folder / f"{number}_LR.png", round_to_u8(downsample(hr.astype(np.float32), _BLUR))
        )
    write_png(folder / "alone_LR.png", np.zeros((48, 48, 3), np.uint8))
    return read_real_pairs(folder)


def test_each_scene_is_in_one_half_and_splits_differ(real: list[RealPair]) -> None:
    assert len(real) == 10
    first, second = split_scenes(real, 0)
    names = [{pair.lr_path for pair in half} for half in (first, second)]
    assert not names[0] & names[1] and len(names[0] | names[1]) == 10
    assert split_scenes(real, 1)[0] != first


def test_real_pairs_teach_more_than_bicubic_ones_and_the_table_says_so(
    real: list[RealPair],
) -> None:
    train, test = split_scenes(real, 0)
    sets = dict(synthetic_sets([pair.hr_u8 for pair in train], 2, seed=0))
    assert list(sets) == [FLOOR, f"{FLOOR} + noise", "gaussian", "gaussian + noise"]
    sets[CEILING] = [(pair.lr_u8, pair.hr_u8) for pair in train]
    scores = {}
    for name, pairs in sets.items():
        found = judge(learn_from(pairs), test)
        scores[name] = {"test": found, "other": found}
    means = {name: each["test"].mean(axis=0)[2] for name, each in scores.items()}
    assert means[CEILING] > means[FLOOR] + 0.5
    (table,) = tables(scores)
    assert f"| {FLOOR} | floor | +0.00 |" in table and f"| {CEILING} | ceiling |" in table
    (row,) = (line for line in table.splitlines() if line.startswith("| gaussian |"))
    assert "%" in row


def test_networks_have_a_table_of_their_means_and_one_for_each_seed() -> None:
    flat = np.zeros((4, 5))
    names = (FLOOR, "matched", CEILING)
    values = dict(zip(names, (0.0, 0.5, 1.0), strict=True))
    scores = {name: {"test": flat + value, "other": flat} for name, value in values.items()}
    for name, value in values.items():
        for ending, more in ((NETWORK, 0.0), (f"{NETWORK}, seed 0", -0.1 * value)):
            scores[f"{name}{ending}"] = {"test": flat + value + more, "other": flat}
    filters, means, alone = tables(scores)
    assert "matched |" in filters and NETWORK not in filters
    assert means.startswith("\nthe tiny network:") and "+0.50" in means
    assert alone.startswith("\nseed 0 alone:") and "+0.45" in alone


def test_tone_is_what_hr_has_beyond_gain_and_offset(real: list[RealPair]) -> None:
    curve = np.array([-7.0, 3.0])
    pairs = []
    for number, pair in enumerate(real):
        lr = imresize(pair.hr_u8.astype(np.float32), 0.5)
        grey = np.repeat(lr.mean(axis=2, keepdims=True), 3, axis=2)
        level = np.float32(1 + number / 50) * pair.hr_u8.mean(axis=2) - np.float32(number)
        hr = 255 / 219 * toned(219 / 255 * level + 16, curve) - 255 / 219 * 16
        hr_u8 = round_to_u8(np.repeat(hr[..., None], 3, axis=2).astype(np.float32))
        pairs.append(replace(pair, lr_u8=round_to_u8(grey), hr_u8=hr_u8))
    assert tone_of(pairs) == pytest.approx(curve, abs=1)


def test_networks_tell_what_tone_alone_brings() -> None:
    rows = {FLOOR: (28.0, 28.1), "matched": (28.5, 28.7), CEILING: (29.0, 29.0)}
    scores = {}
    for name, (calibrated, told) in rows.items():
        table = np.tile([27.0, 27.0, calibrated, 0.8, 0.1, told, 0.812], (4, 1))
        scores |= {f"{name}{NETWORK}": {"test": table, "other": table}}
        scores |= {name: {"test": table[:, :-2], "other": table[:, :-2]}}
    filters, networks = tables(scores)
    assert "tone" not in filters and "| with real pairs' tone |" in networks
    (row,) = (line for line in networks.splitlines() if line.startswith("| matched |"))
    assert row.endswith("| +0.70 | +0.0120 | +0.50 |")


def test_a_folder_without_pairs_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pairs"):
        main(["--pairs", str(tmp_path)])
