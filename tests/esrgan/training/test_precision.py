from __future__ import annotations

import pytest
import torch

from esrgan.training.precision import computes_in_bf16, mixed_precision

CPU = torch.device("cpu")


def test_cpus_compute_in_bf16_only_when_asked() -> None:
    assert not computes_in_bf16("auto", CPU) and not computes_in_bf16("fp32", CPU)
    assert computes_in_bf16("bf16", CPU)


@pytest.mark.parametrize("native", [True, False])
def test_gpus_compute_in_bf16_where_the_hardware_does(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    # No GPU here: what PyTorch would say of one.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native)
    gpu = torch.device("cuda")
    assert computes_in_bf16("auto", gpu) == native and not computes_in_bf16("fp32", gpu)


@pytest.mark.parametrize("bf16", [True, False])
def test_mixed_precision_holds_for_convolutions(bf16: bool) -> None:
    with mixed_precision(bf16, CPU):
        out_BCHW = torch.nn.Conv2d(1, 1, 3)(torch.rand(1, 1, 5, 5))
    assert out_BCHW.dtype == (torch.bfloat16 if bf16 else torch.float32)
