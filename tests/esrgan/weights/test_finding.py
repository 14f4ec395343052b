from __future__ import annotations

from pathlib import Path

import pytest
import torch

from degrade.errors import InputError
from esrgan.networks import PatchDiscriminator, RRDBNet, UNetDiscriminator, VGGDiscriminator
from esrgan.training.checkpoints import write_checkpoint, write_generator
from esrgan.weights.files import encode_pth, read_network
from esrgan.weights.finding import find_weights


def small(seed: int = 0) -> RRDBNet:
    torch.manual_seed(seed)
    return RRDBNet(scale=2, features=4, blocks=1, growth=2)


def test_find_weights_looks_into_the_folder_of_a_training(tmp_path: Path) -> None:
    write_generator(tmp_path / "generator.pth", small())
    assert find_weights(tmp_path) == tmp_path / "generator.pth"
    assert read_network(tmp_path).scale == 2


def test_find_weights_takes_the_last_stage_that_has_some(tmp_path: Path) -> None:
    for name in ("1-rrdb-psnr", "2-esrgan", "10-realsr", "notes"):
        (tmp_path / name).mkdir()
    for name in ("1-rrdb-psnr", "2-esrgan", "notes"):
        write_generator(tmp_path / name / "generator.pth", small())
    assert find_weights(tmp_path) == tmp_path / "2-esrgan" / "generator.pth"


def test_find_weights_leaves_files_and_missing_ones_to_the_reader(tmp_path: Path) -> None:
    assert find_weights(tmp_path / "none.pth") == tmp_path / "none.pth"


@pytest.mark.parametrize("name", ["model.onnx", "MODEL.ONNX"])
def test_onnx_is_refused_by_what_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x07\x12\x07pytorch")
    with pytest.raises(InputError, match=r"ONNX file is a program.*give the \.pth or \.safeten"):
        read_network(tmp_path / name)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder without generator\.pth; give a file"):
        find_weights(tmp_path)


def test_checkpoints_of_a_training_are_read_the_averaged_weights_first(tmp_path: Path) -> None:
    plain, average = small(0), small(1)
    parts = {"generator": plain.state_dict(), "generator_optimizer": {"state": {}}, "step": 3}
    path = write_checkpoint(tmp_path, 3, parts)
    assert torch.equal(read_network(path).conv_first.weight, plain.conv_first.weight)
    path = write_checkpoint(tmp_path, 4, parts | {"average": average.state_dict()})
    assert torch.equal(read_network(path).conv_first.weight, average.conv_first.weight)


@pytest.mark.parametrize(
    "network",
    [
        PatchDiscriminator(features=4),
        PatchDiscriminator(features=4, norm="spectral"),
        VGGDiscriminator(features=4),
        UNetDiscriminator(features=4),
    ],
)
def test_discriminators_are_refused_by_what_they_are(
    tmp_path: Path, network: torch.nn.Module
) -> None:
    (tmp_path / "d.pth").write_bytes(encode_pth({"params": network.state_dict()}))
    with pytest.raises(InputError, match="of a discriminator, which judges images; give weights"):
        read_network(tmp_path / "d.pth")
