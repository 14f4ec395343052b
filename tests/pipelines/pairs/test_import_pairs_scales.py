"""The scale of imported pairs: by sizes, by names, by what the user says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.geometry import as_scale
from degrade.images.image_io import quantise, write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.pairs import open_pairs
from pipelines.pairs.checks import verify
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from tests.making import make_scene


def write_pair(hr: Path, lr: Path, scale: int, lr_scale: int = 1) -> None:
    image = quantise(make_scene(hr.name, 12, 16))
    write_png(hr, np.repeat(np.repeat(image, scale, 0), scale, 1))
    write_png(lr, np.repeat(np.repeat(image, lr_scale, 0), lr_scale, 1))


def test_import_pairs_takes_one_scale_of_a_set(tmp_path: Path) -> None:
    for scale in (2, 3, 4):
        root = tmp_path / "Canon" / "Train" / str(scale)
        write_pair(root / "Canon_001_HR.png", root / f"Canon_001_LR{scale}.png", scale)
    config = ImportPairsConfig(hr=tmp_path, lr=tmp_path, out=tmp_path / "pairs", scale=4)
    report = import_pairs(config)
    assert (report.done, report.exit_code) == (1, 0)
    assert "passed over, of another scale (×2, ×3): 2 pairs" in report.lines
    with pytest.raises(DegradeError, match=r"is not 5 times .* but 2 times; `scale=2` takes"):
        import_pairs(replace(config, out=tmp_path / "none", scale=5))
    some = import_pairs(replace(config, out=tmp_path / "some", scale=None))
    assert (some.done, len(some.rejects)) == (1, 2)


def test_import_pairs_names_scales_that_contradict(tmp_path: Path) -> None:
    hr, lr = tmp_path / "HR", tmp_path / "LR"
    for number in range(3):
        write_pair(hr / f"{number}.png", lr / f"{number}x2.png", 2)
    write_pair(hr / "3.png", lr / "3x4.png", 2)
    config = ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs")
    report = import_pairs(config)
    assert report.done == 3 and len(report.rejects) == 1
    assert "32×24 is 2 times the 16×12 of 3x4.png, which is named ×4" in str(report.rejects[0])
    confirmed = import_pairs(replace(config, out=tmp_path / "all", scale=2))
    assert confirmed.done == 4 and not confirmed.rejects
    assert "named for another scale than `scale`: 1 pair, such as 3x4.png" in confirmed.lines
    # The LR folder's own name says it where no file does.
    folder = tmp_path / "LR_x3"
    write_pair(tmp_path / "H" / "5.png", folder / "5.png", 2)
    with pytest.raises(DegradeError, match=r"5\.png, which is named ×3"):
        import_pairs(replace(config, hr=tmp_path / "H", lr=folder, out=tmp_path / "none"))


def write_sampled(hr: Path, lr: Path, scale: str, rounding: Callable[[Any], int]) -> np.ndarray:
    """Write HR and what is sampled from it every ``scale`` pixels, and return the whole of LR."""
    exact = as_scale(scale)
    whole = quantise(make_scene(hr.name, 2 * exact.numerator, 3 * exact.numerator))
    kernel = gaussian_kernel(13, exact, (1.2, 0.9), 0.4)
    levels = downsample(whole.astype(np.float32), kernel)
    high, wide = (side - 3 * exact.numerator // 4 for side in whole.shape[:2])
    write_png(hr, whole[:high, :wide])
    low, narrow = (rounding(side / Fraction(exact)) for side in (high, wide))
    write_png(lr, np.rint(np.clip(levels, 0, 255)).astype(np.uint8)[:low, :narrow])
    return levels


@pytest.mark.parametrize(
    ("scale", "named", "rounding", "told"),
    [
        ("1.5", "0801x1.5.png", math.ceil, "rounded"),
        ("2.7", "X2.70/0801.png", round, "rounded"),
        ("2.7", "0801x2.7.png", math.floor, "rounded down"),
        ("4", "0801x4.png", math.ceil, "rounded up"),
    ],
)
def test_import_pairs_cuts_rounded_sizes_where_the_scale_is_stated(
    tmp_path: Path, scale: str, named: str, rounding: Callable[[Any], int], told: str
) -> None:
    hr, lr = tmp_path / "HR", tmp_path / "LR"
    for number in (801, 802):
        own = named.replace("801", str(number))
        levels = write_sampled(hr / f"0{number}.png", lr / own, scale, rounding)
    exact = as_scale(scale)
    config = ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs")
    with pytest.raises(DegradeError, match=rf"rounded, `scale={scale}` takes such pairs"):
        import_pairs(config)
    report = import_pairs(replace(config, scale=exact))
    assert (report.done, report.rejects) == (2, ())
    (line,) = (line for line in report.lines if line.startswith("LR is HR over"))
    assert line.startswith(f"LR is HR over {scale}, its sides {told}: 2 pairs, cut at the right")
    with open_pairs(tmp_path / "pairs") as reader:
        assert reader.scale == exact
        for number in range(2):
            lr_u8, hr_u8 = reader.read(number)
            assert [side * exact for side in lr_u8.shape[:2]] == list(hr_u8.shape[:2])
            assert hr_u8.shape[0] == 2 * exact.numerator - exact.numerator
        found = lr_u8.astype(float) - levels[: lr_u8.shape[0], : lr_u8.shape[1]]
        assert np.abs(found).max() <= 0.51
    assert verify(tmp_path / "pairs").exit_code == 0


def test_import_pairs_takes_ratios_that_names_or_the_user_state(tmp_path: Path) -> None:
    for named, stated in (("0001x2.7.png", None), ("0001.png", "2.7")):
        root = tmp_path / named
        image = quantise(make_scene("ratio", 54, 81))
        write_png(root / "HR" / "0001.png", image)
        write_png(root / "LR" / named, image[:20, :30])
        config = ImportPairsConfig(hr=root / "HR", lr=root / "LR", out=root / "pairs")
        if stated:
            with pytest.raises(DegradeError, match=r"if LR is HR over 2\.7, its sides rounded"):
                import_pairs(config)
            config = replace(config, scale=as_scale(stated))
        report = import_pairs(config)
        assert report.done == 1 and "1 pair ×2.7" in report.lines[0]


def test_import_pairs_names_scales_that_are_too_small(tmp_path: Path) -> None:
    image = quantise(make_scene("small", 33, 44))
    write_png(tmp_path / "HR" / "0001.png", image)
    write_png(tmp_path / "LR" / "X1.10" / "0001.png", image[:30, :40])
    config = ImportPairsConfig(hr=tmp_path / "HR", lr=tmp_path / "LR", out=tmp_path / "pairs")
    with pytest.raises(DegradeError, match=r"named ×1\.1; scales begin at 1\.5: leave these"):
        import_pairs(config)


def test_import_pairs_refuses_enlarged_lr_by_name(tmp_path: Path) -> None:
    root = tmp_path / "Canon" / "Train" / "4"
    write_pair(root / "Canon_001_HR.png", root / "Canon_001_LR4.png", 4, lr_scale=4)
    write_pair(root / "Canon_002_HR.png", root / "Canon_002_LR4.png", 4)
    report = import_pairs(ImportPairsConfig(hr=tmp_path, lr=tmp_path, out=tmp_path / "pairs"))
    assert report.done == 1 and len(report.rejects) == 1
    reason = report.rejects[0].reason
    assert "Canon_001_LR4.png, which is named ×4 has its size, 64×48" in reason
