from __future__ import annotations

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.networks import SRResNet, fold_batch_norm
from esrgan.weights.naming import to_naming
from tests.esrgan.networks.making import same_state, small_srresnet
from tests.esrgan.plain_model import PlainSRResNet
from tests.rounding import assert_same_formula


def test_srresnet_has_about_a_million_and_a_half_weights() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in SRResNet().parameters()) == 1_547_350


@pytest.mark.parametrize("training", [True, False])
def test_srresnet_equals_figure_4_written_plainly(training: bool) -> None:
    network = small_srresnet().double().train(training)
    plain = PlainSRResNet(features=8, blocks=2).double().train(training)
    plain.load_state_dict(to_naming(network.state_dict(), "srgan"), strict=True)
    lr_BCHW = torch.rand(2, 3, 9, 7).double()
    assert_same_formula(network(lr_BCHW), plain(lr_BCHW))


def test_srresnet_in_eval_mode_does_not_look_at_the_rest_of_the_batch() -> None:
    network = small_srresnet().double()
    bright, dark = torch.rand(1, 3, 8, 8).double(), torch.zeros(1, 3, 8, 8).double()
    both = torch.cat([bright, dark])
    assert not torch.allclose(network(both)[:1], network(bright), atol=1e-3)
    network.eval()
    assert_same_formula(network(both)[:1], network(bright))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_fold_batch_norm_gives_the_same_image_without_normalisation(scale: int) -> None:
    network = small_srresnet(scale).double().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random_state = torch.get_rng_state()
    folded = fold_batch_norm(network)
    assert torch.equal(random_state, torch.get_rng_state())
    assert not any("bn" in name for name in folded.state_dict()) and not folded.training
    lr_BCHW = torch.rand(2, 3, 9, 7).double()
    assert_same_formula(folded(lr_BCHW), network(lr_BCHW))
    assert same_state(before, dict(network.state_dict()))


def test_fold_batch_norm_of_a_folded_network_is_a_copy() -> None:
    folded = fold_batch_norm(small_srresnet())
    again = fold_batch_norm(folded)
    assert same_state(dict(again.state_dict()), dict(folded.state_dict()))
    with torch.no_grad():
        again.conv_first.weight.zero_()
    assert folded.conv_first.weight.any()


def test_srresnet_refuses_an_unknown_norm() -> None:
    with pytest.raises(InvalidValueError, match="norm must be batch or none, got 'layer'"):
        SRResNet(norm="layer")
