"""VGG19 with seeded random weights: the published ones are half a gigabyte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from esrgan.losses import VGG19Features


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def vgg() -> VGG19Features:
    """Return random weights that keep the features' variance from layer to layer."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        network = VGG19Features()
    state = {}
    for name, like in network.state_dict().items():
        state[name] = 0.1 * torch.randn(like.shape, generator=generator)
        if like.ndim == 4:
            state[name] *= 10 * (2 / like[0].numel()) ** 0.5
    network.load_state_dict(state, assign=True)
    return network


@pytest.fixture(scope="session")
def vgg_file(vgg: VGG19Features, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file as torchvision's, with a piece of the classifier."""
    path = tmp_path_factory.mktemp("vgg") / "vgg.pth"
    torch.save(vgg.state_dict() | {"classifier.6.bias": torch.zeros(1000)}, path)
    return path
