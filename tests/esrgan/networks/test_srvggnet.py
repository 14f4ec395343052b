from __future__ import annotations

import torch
from torch.nn import functional

from tests.esrgan.networks.making import small_srvggnet
from tests.rounding import assert_same_formula


def test_srvggnet_adds_a_chain_to_the_nearest_neighbour() -> None:
    network = small_srvggnet(3, blocks=1).double().eval()
    lr_BCHW = torch.rand(2, 3, 4, 5).double()
    state = network.state_dict()

    def conv(x: torch.Tensor, number: int) -> torch.Tensor:
        weight, bias = state[f"body.{number}.weight"], state[f"body.{number}.bias"]
        return functional.conv2d(x, weight, bias, padding=1)

    x = functional.prelu(conv(lr_BCHW, 0), state["body.1.weight"])
    x = functional.prelu(conv(x, 2), state["body.3.weight"])
    residual_BCHW = functional.pixel_shuffle(conv(x, 4), 3)
    nearest_BCHW = lr_BCHW.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)
    assert_same_formula(network(lr_BCHW), residual_BCHW + nearest_BCHW)


def test_srvggnet_has_the_names_of_the_published_checkpoints() -> None:
    names = list(small_srvggnet(4, blocks=2).state_dict())
    convs = [f"body.{n}.{kind}" for n in (0, 2, 4, 6) for kind in ("weight", "bias")]
    assert sorted(names) == sorted([*convs, *(f"body.{n}.weight" for n in (1, 3, 5))])
