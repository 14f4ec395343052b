from __future__ import annotations

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.devices import choose_device, half_type, tile_memory


def test_choose_device_takes_the_gpu_where_there_is_one() -> None:
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == "cpu"
    for name in ("nowhere", "tpu9"):
        with pytest.raises(InvalidValueError, match=f"'{name}' cannot be used here"):
            choose_device(name)


def test_half_type_is_for_gpus_and_8_bits_unless_asked_for() -> None:
    assert half_type("auto", "cpu") is None and half_type("fp32", "cuda") is None
    assert half_type("auto", "cuda:1") is torch.float16
    assert half_type("auto", "cuda", deep=True) is None
    assert half_type("fp16", "cuda", deep=True) is torch.float16
    assert half_type("bf16", "cuda") is torch.bfloat16
    for precision in ("bf16", "fp16"):
        with pytest.raises(InvalidValueError, match=f"{precision} is for GPUs"):
            half_type(precision, "cpu")


def test_tile_memory_is_in_gib() -> None:
    assert tile_memory("cpu", None) == 2**31
    assert tile_memory("cpu", 0.5) == tile_memory("cuda", 0.5) == 2**29
