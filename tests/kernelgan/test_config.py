from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from degrade.errors import InvalidValueError
from kernelgan import KernelGANConfig


@pytest.mark.parametrize(
    ("settings", "got"),
    [
        ({"scale": 5}, "5"),
        ({"iterations": 0}, "0"),
        ({"constraints": "none"}, "'none'"),
        ({"learning_rate": float("nan")}, "nan"),
        ({"sparsity_weight": -1.0}, "-1.0"),
        ({"noise_level": float("inf")}, "inf"),
    ],
)
def test_config_refuses_and_says_what_it_got(settings: dict[str, object], got: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{next(iter(settings))}.*got {got}"):
        KernelGANConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scale", "size", "crop"), [(2, 13, 64), (3, 19, 96), (4, 13, 64)])
def test_config_sizes_give_26_lr_pixels(scale: int, size: int, crop: int) -> None:
    config = KernelGANConfig(scale=scale)
    assert (config.kernel_size, config.hr_crop) == (size, crop)
    assert (crop - size) // config.base_scale + 1 == config.lr_crop == 26


def test_config_writes_equal_numbers_alike() -> None:
    whole, same = KernelGANConfig(sum_weight=1), KernelGANConfig(sum_weight=1.0)
    assert json.dumps(asdict(whole)) == json.dumps(asdict(same))


def test_config_loads_without_torch() -> None:
    code = "import sys, kernelgan; kernelgan.KernelGANConfig(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
