from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from degrade.errors import InputError, InvalidValueError
from esrgan.networks import GENERATORS
from esrgan.weights.files import read_network, read_weights, weights_of, write_weights
from esrgan.weights.naming import Naming, to_naming
from tests.esrgan.networks.making import SMALL, same_state, small_rrdbnet, small_srresnet
from tests.esrgan.plain_model import PlainMSRResNet, PlainRRDBNet, PlainSRResNet


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("name", "naming"),
    [
        ("rrdbnet", "basicsr"),
        ("rrdbnet", "trunk"),
        ("rrdbnet", "model"),
        ("srresnet", "basicsr"),
        ("srresnet", "srgan"),
        ("msrresnet", "basicsr"),
        ("msrresnet", "trunk"),
    ],
)
def test_weights_round_trip_in_every_naming_and_type(
    tmp_path: Path, name: str, naming: Naming, suffix: str
) -> None:
    weights = weights_of(SMALL[name](2))
    path = tmp_path / f"w{suffix}"
    assert write_weights(path, weights, naming=naming) == path.stat().st_size
    read = read_weights(path)
    assert read.spec == weights.spec
    assert same_state(read.state, weights.state)
    write_weights(tmp_path / f"again{suffix}", read, naming=naming)
    assert (tmp_path / f"again{suffix}").read_bytes() == path.read_bytes()


def test_pth_files_load_strictly_where_their_naming_is_at_home(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    plain: torch.nn.Module = PlainRRDBNet(scale=4, features=8, blocks=2, growth=4)
    write_weights(path, weights_of(small_rrdbnet()))
    plain.load_state_dict(torch.load(path, weights_only=True)["params"], strict=True)
    plain = PlainMSRResNet(scale=4, features=8, blocks=2)
    write_weights(path, weights_of(SMALL["msrresnet"]()))
    plain.load_state_dict(torch.load(path, weights_only=True)["params"], strict=True)
    plain = PlainSRResNet(features=8, blocks=2)
    write_weights(path, weights_of(small_srresnet()), naming="srgan")
    plain.load_state_dict(torch.load(path, weights_only=True)["state_dict"], strict=True)
    write_weights(path, weights_of(small_rrdbnet()), naming="trunk")
    assert "RRDB_trunk.0.RDB1.conv1.weight" in torch.load(path, weights_only=True)


def test_safetensors_files_say_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    network = small_rrdbnet(3)
    write_weights(path, weights_of(network), naming="model")
    with safe_open(path, "pt") as file:
        assert file.metadata() == {
            "format": "pt",
            "naming": "model",
            "architecture": "rrdbnet",
            "scale": "3",
            "in_channels": "3",
            "out_channels": "3",
            "features": "8",
            "blocks": "2",
            "growth": "4",
        }
    theirs = load_file(path)
    expected = to_naming(network.state_dict(), "model")
    assert theirs.keys() == expected.keys()
    assert all(torch.equal(theirs[name], expected[name]) for name in expected)
    # The names alone would leave ×3 open.
    assert read_weights(path).spec.scale == 3


@pytest.mark.parametrize("name", GENERATORS)
def test_read_network_gives_the_same_images_ready_to_upscale(tmp_path: Path, name: str) -> None:
    network = SMALL[name]().eval()
    write_weights(tmp_path / "w.pth", weights_of(network))
    read = read_network(tmp_path / "w.pth")
    assert not read.training
    lr_BCHW = torch.rand(1, 3, 5, 6)
    torch.testing.assert_close(read(lr_BCHW), network(lr_BCHW), rtol=0, atol=0)


def test_read_weights_keeps_the_precision(tmp_path: Path) -> None:
    state = {name: tensor.bfloat16() for name, tensor in small_rrdbnet().state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    read = read_weights(tmp_path / "w.pth")
    assert {tensor.dtype for tensor in read.state.values()} == {torch.bfloat16}
    write_weights(tmp_path / "w.safetensors", read)
    assert same_state(read_weights(tmp_path / "w.safetensors").state, read.state)


def test_write_weights_refuses_other_endings(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"\.pth or \.safetensors, got 'w\.bin'"):
        write_weights(tmp_path / "w.bin", weights_of(small_rrdbnet()))
    assert not list(tmp_path.iterdir())


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_weights(path)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


class Malice:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_code_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "owned"
    torch.save({"params": Malice(marker)}, tmp_path / "zipped.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Malice(marker)))
    (tmp_path / "renamed.safetensors").write_bytes(pickle.dumps(Malice(marker)))
    refused(tmp_path / "zipped.pth", "could run code")
    refused(tmp_path / "bare.pth", "could run code")
    refused(tmp_path / "renamed.safetensors", "no safetensors file")
    assert not marker.exists()


def test_shapes_beyond_the_file_are_refused(tmp_path: Path) -> None:
    state = dict(small_rrdbnet().state_dict())
    claimed = torch.zeros(1).expand(10**6, 10**6)
    torch.save(state | {"conv_first.weight": claimed}, tmp_path / "stride.pth")
    assert (tmp_path / "stride.pth").stat().st_size < 10**6
    refused(tmp_path / "stride.pth", "claims more weights than the file holds")
    torch.save(state | {"conv_hr.bias": torch.ones(8, device="meta")}, tmp_path / "meta.pth")
    refused(tmp_path / "meta.pth", "something other than weights")


def test_records_that_unpack_to_more_than_the_file_are_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(10**6)}, whole)
    with (
        zipfile.ZipFile(whole) as archive,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name))
    assert (tmp_path / "bomb.pth").stat().st_size < 10**5
    refused(tmp_path / "bomb.pth", "damaged")


def crafted(header: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_crafted_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for data in (
        b"",
        b"\xff" * 100,
        (2**40).to_bytes(8, "little") + b"{}",
        crafted({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}, b"abcd"),
        crafted({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 10**12]}}, b"abcd"),
        crafted({"a": {"dtype": "S77", "shape": [1], "data_offsets": [0, 4]}}, b"abcd"),
        crafted({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"abcd"),
        crafted({"a": [1]}),
    ):
        path.write_bytes(data)
        refused(path, "is damaged, or no safetensors file")
    path.write_bytes(crafted({}))
    refused(path, "holds no network weights")


def test_metadata_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    state = small_rrdbnet(2).state_dict()
    save_file(state, path, {"architecture": "srresnet"})
    refused(path, "names another network")
    save_file(state, path, {"scale": "3"})
    refused(path, "not of ×3")
    save_file(state, path, {"scale": "9" * 5000, "features": "x"})
    assert read_weights(path).spec.scale == 2


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_odd_weights_are_refused_by_name(tmp_path: Path, suffix: str) -> None:
    state = dict(small_rrdbnet().state_dict())
    path = tmp_path / f"w{suffix}"
    for wrong, match in (
        (state | {"conv_hr.bias": torch.full((8,), torch.nan)}, "NaN"),
        (state | {"conv_hr.bias": torch.ones(8, dtype=torch.int32)}, "conv_hr.bias"),
        (state | {"conv_hr.bias": torch.ones(8, dtype=torch.bool)}, "conv_hr.bias"),
        (state | {"conv_hr.bias": torch.ones(9)}, "conv_hr.bias"),
        ({"conv_hr.bias": torch.ones(9)}, "not the weights of a generator"),
    ):
        if suffix == ".pth":
            torch.save(wrong, path)
        else:
            save_file(wrong, path)
        refused(path, match)


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    os.mkfifo(tmp_path / "pipe.pth")
    refused(tmp_path / "none.pth", "cannot be read")
    refused(tmp_path / "folder.pth", "a folder without generator")
    refused(tmp_path / "pipe.pth", "not a regular file")


@settings(max_examples=60)
@given(data=st.data(), suffix=st.sampled_from([".pth", ".safetensors"]))
def test_read_weights_survives_any_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, suffix: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / f"sound{suffix}"
    if not sound.exists():
        write_weights(sound, weights_of(small_rrdbnet(features=4, blocks=1, growth=2)))
    content = bytearray(sound.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path = folder / f"damaged{suffix}"
    path.write_bytes(content)
    # A flipped weight of a safetensors file cannot be seen; whatever else happens has a name.
    try:
        read_weights(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert len(content) == sound.stat().st_size
