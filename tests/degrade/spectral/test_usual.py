from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.spectral import estimate_kernel
from degrade.spectral.crops import look_at
from degrade.spectral.features import PHOTO_FEATURES, SYMMETRIES, WINDOW_FEATURES
from degrade.spectral.measurement import CropFeatures, measure_crop
from degrade.spectral.usual import (
    FEWEST_WINDOWS,
    UsualFeatures,
    encode_usual,
    load_usual,
    read_usual,
    summary_of,
)
from degrade.spectral.verdicts import familiarity
from tests.pipelines.photographs import take_photo
from tests.rounding import gamma


def _text(side: int = 300) -> np.ndarray:
    page = np.full((side, side, 3), 250, np.uint8)
    for line in range(15, side, 18):
        cv2.putText(page, "the quick brown fox jumps over it", (4, line), 0, 0.45, (20,) * 3, 1)
    return page


def _measured(photo: np.ndarray) -> list[CropFeatures]:
    look = look_at(photo, "")
    return [
        measure_crop(crop.luma, crop.cells, look.blocks, per_direction=crop.per_direction)
        for crop in look.crops()
    ]


def test_a_photo_is_usual_and_text_is_of_an_unknown_kind() -> None:
    photo, text = take_photo("usual", scale=2, sigma=0.8, side=300), _text()
    assert load_usual().strangeness(_measured(photo)) < 1
    assert load_usual().strangeness(_measured(text)) > 1
    known, unknown = estimate_kernel(photo, 2), estimate_kernel(text, 2)
    assert "of an unknown kind" in unknown.verdicts
    assert "of an unknown kind" not in known.verdicts
    assert known.statistics["strangeness"] < 1 < unknown.statistics["strangeness"]


def test_a_confidence_falls_with_strangeness_beyond_the_limit_alone() -> None:
    assert familiarity(1.0, 20.0, 0.2) == familiarity(1.0, 20.0, 1.0) == 1
    assert familiarity(1.0, 20.0, 1.5) == pytest.approx(1 / 1.5**4)


def test_strangeness_of_a_mirrored_photo_is_the_same() -> None:
    photo = take_photo("mirrored", scale=2, sigma=0.8, side=200)[:193, :193]  # whole cells
    found = [
        load_usual().strangeness(_measured(np.ascontiguousarray(seen)))
        for seen in (photo, photo.transpose(1, 0, 2))
    ]
    # Summaries are means of the same features in another order; root mean squares of them.
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_strangeness_of_too_few_windows_is_not_told(rng: np.random.Generator) -> None:
    (crop,) = _measured(_text(150))
    few = CropFeatures(crop.windows[: FEWEST_WINDOWS - 1], crop.photo)
    assert load_usual().strangeness([few]) == 0
    assert load_usual().strangeness([few, crop]) == load_usual().strangeness([crop]) > 1


def test_distances_are_about_1_where_features_are_usual(rng: np.random.Generator) -> None:
    count = len(load_usual().mean)
    spread = rng.uniform(0.5, 2, count).astype(np.float32)
    usual = UsualFeatures(spread, np.diag(1 / spread / np.float32(count) ** 0.5), 1.0)
    values = spread + spread * rng.standard_normal((200, count)).astype(np.float32)
    # Four standard deviations of a mean of so many squares of normal numbers.
    squares = float(np.square(usual.distances(values)).mean())
    assert squares == pytest.approx(1, abs=4 * (2 / (200 * count)) ** 0.5)


def test_summary_of_averages_what_mirroring_permutes(rng: np.random.Generator) -> None:
    windows = rng.standard_normal(WINDOW_FEATURES)
    photo = rng.standard_normal(PHOTO_FEATURES)
    wanted = summary_of(windows, photo)
    for symmetry in SYMMETRIES:
        found = summary_of(windows[symmetry.window_order], photo[symmetry.photo_order])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=gamma(400) * 4)


def test_read_usual_gives_back_what_was_written(tmp_path: Path) -> None:
    usual, path = load_usual(), tmp_path / "usual.safetensors"
    path.write_bytes(encode_usual(usual))
    again = read_usual(path)
    assert np.array_equal(again.mean, usual.mean) and again.limit == usual.limit
    assert np.array_equal(again.whitening, usual.whitening)
    assert path.stat().st_size < 50_000


def test_read_usual_refuses_other_files_by_name(tmp_path: Path) -> None:
    path = tmp_path / "usual.safetensors"
    with pytest.raises(CorruptDataError, match="missing or damaged"):
        read_usual(path)
    path.write_bytes(b"no weights")
    with pytest.raises(CorruptDataError, match=r"usual\.safetensors.*install the package again"):
        read_usual(path)
    usual = load_usual()
    path.write_bytes(encode_usual(UsualFeatures(usual.mean[1:], usual.whitening, 1.0)))
    with pytest.raises(CorruptDataError, match="of another version"):
        read_usual(path)
