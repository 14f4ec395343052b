from __future__ import annotations

import argparse

import pytest
import torch
from torch import nn

from benchmarks.training import count_flops, measure, peak_flops


def test_count_flops_counts_convolutions_forward_and_backward() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    image_BCHW = torch.rand(2, 3, 10, 12)
    forward = 2 * 2 * 8 * 3 * 9 * 10 * 12
    assert count_flops(lambda: conv(image_BCHW)) == forward
    # The image needs no gradient: backward is the weights' alone.
    assert count_flops(lambda: conv(image_BCHW).sum().backward()) == 2 * forward
    image_BCHW.requires_grad_()
    assert count_flops(lambda: conv(image_BCHW).sum().backward()) == 3 * forward


def test_peak_flops_is_what_was_given() -> None:
    cpu = torch.device("cpu")
    assert peak_flops(cpu, True, 2.0) == 2e12 and peak_flops(cpu, True, None) is None


@pytest.mark.parametrize("preset", ["realsr", "srgan-vgg22"])
def test_measure_gives_every_figure(preset: str) -> None:
    small = ["features=8", "blocks=1", "growth=4", "discriminator_features=4"]
    figures = measure(
        argparse.Namespace(
            preset=preset,
            batch=2,
            patch=32,
            scale=4,
            device="cpu",
            precision="auto",
            compile=False,
            workers=0,
            steps=1,
            rounds=1,
            peak_tflops=1.0,
            set=small,
        )
    )
    assert figures["ratio"] > 0 and 0 <= figures["waiting"] < 1 and not figures["bf16"]
    counts = figures["teraflops_per_step"]
    assert 0 < counts["generator"] < counts["step"]
    for name, share in figures["mfu"].items():
        assert share > 0, name
