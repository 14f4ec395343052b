from __future__ import annotations

from pathlib import Path

import pytest
import torch

from degrade.errors import InputError
from esrgan.networks import (
    Discriminator,
    PatchDiscriminator,
    RRDBNet,
    UNetDiscriminator,
    VGGDiscriminator,
)
from esrgan.training.checkpoints import encode_discriminator, write_generator
from esrgan.weights.discriminators import read_discriminator

NETWORKS: list[Discriminator] = [
    PatchDiscriminator(features=4, layers=2),
    PatchDiscriminator(features=4, layers=3, norm="instance"),
    PatchDiscriminator(features=5, layers=1, norm="spectral"),
    PatchDiscriminator(features=4, layers=2, norm="none"),
    VGGDiscriminator(features=4, patch_size=32),
    UNetDiscriminator(features=4),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: type(each).__name__)
def test_a_discriminator_is_read_as_it_was_written(tmp_path: Path, network: Discriminator) -> None:
    (tmp_path / "discriminator.pth").write_bytes(encode_discriminator(network))
    norm = "instance" if network is NETWORKS[1] else "batch"
    found = read_discriminator(tmp_path, hr_patch=32, norm=norm)
    assert type(found) is type(network)
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(found.eval()(image), network.eval()(image))


def test_wrappers_prefixes_and_statistics_of_other_trainers_are_taken_off(tmp_path: Path) -> None:
    network = NETWORKS[0]
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    state["module.model.3.running_mean"] = torch.zeros(8)
    state["module.model.3.num_batches_tracked"] = torch.tensor(5)
    torch.save({"state_dict": state}, tmp_path / "other.pth")
    found = read_discriminator(tmp_path / "other.pth", hr_patch=32)
    ours = network.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in found.state_dict().items())


@pytest.mark.parametrize(
    "network",
    [
        PatchDiscriminator(in_channels=6, features=4, layers=2),
        PatchDiscriminator(in_channels=6, features=4, layers=2, norm="spectral"),
        VGGDiscriminator(in_channels=1, features=4, patch_size=32),
        UNetDiscriminator(in_channels=6, features=4),
    ],
    ids=("patch", "spectral", "vgg", "unet"),
)
def test_a_discriminator_of_other_images_than_rgb_is_named(
    tmp_path: Path, network: Discriminator
) -> None:
    (tmp_path / "pairs.pth").write_bytes(encode_discriminator(network))
    with pytest.raises(InputError, match=r"pairs\.pth: judges images of [16] channels"):
        read_discriminator(tmp_path / "pairs.pth", hr_patch=32)


def test_what_is_no_fitting_discriminator_is_named(tmp_path: Path) -> None:
    write_generator(tmp_path / "g.pth", RRDBNet(scale=2, features=4, blocks=1, growth=2))
    with pytest.raises(InputError, match=r"g\.pth: holds no discriminator's weights"):
        read_discriminator(tmp_path / "g.pth", hr_patch=32)
    (tmp_path / "vgg.pth").write_bytes(encode_discriminator(NETWORKS[4]))
    with pytest.raises(InputError, match="for HR patches of 64"):
        read_discriminator(tmp_path / "vgg.pth", hr_patch=64)
    broken = UNetDiscriminator(features=4)
    with torch.no_grad():
        broken.conv0.weight[0] = torch.nan
    (tmp_path / "nan.pth").write_bytes(encode_discriminator(broken))
    with pytest.raises(InputError, match="NaN or infinity"):
        read_discriminator(tmp_path / "nan.pth", hr_patch=32)
    with pytest.raises(InputError, match=r"absent\.pth"):
        read_discriminator(tmp_path / "absent.pth", hr_patch=32)
    torch.save({"params": {"model.0.weight": torch.zeros(4, 3, 4, 4)}}, tmp_path / "part.pth")
    with pytest.raises(InputError, match=r"part\.pth"):
        read_discriminator(tmp_path / "part.pth", hr_patch=32)
