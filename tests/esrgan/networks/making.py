"""Small generators for the tests, and what every generator must do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan.networks import Generator, MSRResNet, RRDBNet, SRResNet, SRVGGNetCompact


def small_rrdbnet(scale: int = 4, **sizes: int) -> RRDBNet:
    torch.manual_seed(scale)
    return RRDBNet(scale=scale, **({"features": 8, "blocks": 2, "growth": 4} | sizes))


def small_srresnet(scale: int = 4, **sizes: int) -> SRResNet:
    """Return one whose normalisations have seen images and do something."""
    torch.manual_seed(scale)
    network = SRResNet(scale=scale, **({"features": 8, "blocks": 2} | sizes))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, network.in_channels, 12, 12))
    return network


def small_msrresnet(scale: int = 4, **sizes: int) -> MSRResNet:
    torch.manual_seed(scale)
    return MSRResNet(scale=scale, **({"features": 8, "blocks": 2} | sizes))


def small_srvggnet(scale: int = 4, **sizes: int) -> SRVGGNetCompact:
    torch.manual_seed(scale)
    return SRVGGNetCompact(scale=scale, **({"features": 8, "blocks": 2} | sizes))


SMALL = {
    "rrdbnet": small_rrdbnet,
    "srresnet": small_srresnet,
    "msrresnet": small_msrresnet,
    "srvggnet": small_srvggnet,
}
SCALES = {
    "rrdbnet": (1, 2, 3, 4, 8),
    "srresnet": (2, 3, 4),
    "msrresnet": (2, 3, 4),
    "srvggnet": (1, 2, 3, 4),
}
EVERY = [(name, scale) for name, scales in SCALES.items() for scale in scales]


def set_positive(network: Generator) -> None:
    """Make every weight positive, so that no influence cancels another."""
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)


def same_state(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(
        torch.equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in a
    )
