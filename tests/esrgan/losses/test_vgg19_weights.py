from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
import torch

from degrade.errors import DegradeError, InvalidValueError
from esrgan.losses import VGG19_SHA256, VGG19Features, find_vgg19_weights, load_vgg19

MISSING = (
    r"no VGG19 weights: tried .*{}.*sha256 begins with dcbb9e9d; take torchvision's "
    r"vgg19-dcbb9e9d\.pth \(download\.pytorch\.org/.*`vgg_weights`.*without"
)


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty torch-hub cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def digest(vgg_file: Path) -> str:
    return hashlib.sha256(vgg_file.read_bytes()).hexdigest()


def link(source: Path, target: Path) -> Path:
    os.link(source, target)
    return target


def test_load_vgg19_reads_the_weights_into_a_frozen_network(
    vgg: VGG19Features, vgg_file: Path, digest: str
) -> None:
    before = torch.random.get_rng_state()
    network = load_vgg19(vgg_file, sha256=digest)
    assert torch.equal(torch.random.get_rng_state(), before)
    image = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(network(image), vgg(image), rtol=0, atol=0)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


@pytest.mark.parametrize("check", [find_vgg19_weights, load_vgg19])
def test_missing_weights_name_the_paths_the_hash_the_source_and_the_way_without(
    check: object, tmp_path: Path, hub: Path
) -> None:
    assert callable(check)
    with pytest.raises(DegradeError, match=MISSING.format(r"nowhere\.pth: cannot be read")):
        check(tmp_path / "nowhere.pth")
    with pytest.raises(DegradeError, match=MISSING.format(r"checkpoints/vgg19-dcbb9e9d\.pth")):
        check()
    with pytest.raises(DegradeError, match=MISSING.format("not a regular file")) as error:
        check(tmp_path)
    assert str(hub) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("check", [find_vgg19_weights, load_vgg19])
def test_weights_of_another_hash_are_refused(
    check: object, tmp_path: Path, hub: Path, vgg_file: Path, digest: str
) -> None:
    assert callable(check)
    with pytest.raises(DegradeError, match=rf"its sha256 is {digest[:8]}….* with dcbb9e9d"):
        check(vgg_file)
    link(vgg_file, hub / "vgg19-dcbb9e9d.pth")
    with pytest.raises(DegradeError, match=rf"its sha256 is {digest[:8]}….* with dcbb9e9d"):
        check()
    promised = link(vgg_file, tmp_path / "vgg19-0123456789ab.pth")
    with pytest.raises(DegradeError, match=rf"its sha256 is {digest[:12]}….* with 0123456789ab"):
        check(promised)
    with pytest.raises(DegradeError, match=r"begins with 00000000"):
        check(vgg_file, sha256="00000000")


def test_find_vgg19_weights_takes_what_was_told_or_promised(
    tmp_path: Path, hub: Path, vgg_file: Path, digest: str
) -> None:
    assert find_vgg19_weights(vgg_file, sha256=digest[:8]) == vgg_file
    promised = link(vgg_file, tmp_path / f"vgg19-{digest[:8]}.pth")
    assert find_vgg19_weights(promised) == promised
    cached = link(vgg_file, hub / "vgg19-dcbb9e9d.pth")
    assert find_vgg19_weights(sha256=digest) == cached
    assert VGG19_SHA256 == "dcbb9e9d"


@pytest.mark.parametrize("sha256", ["", "dcbb9e9", "DCBB9E9D", "dcbb9e9d\n", "x" * 8, "0" * 65])
def test_find_vgg19_weights_refuses_what_is_no_hash(vgg_file: Path, sha256: str) -> None:
    with pytest.raises(InvalidValueError, match="sha256 must be"):
        find_vgg19_weights(vgg_file, sha256=sha256)


def test_load_vgg19_refuses_other_weights(tmp_path: Path, vgg: VGG19Features) -> None:
    def refused(content: object, match: str) -> None:
        path = tmp_path / "weights.pth"
        torch.save(content, path)
        with pytest.raises(DegradeError, match=match):
            load_vgg19(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    state = vgg.state_dict()
    refused({"features.0.weight": torch.ones(4)}, r"not VGG19 \(features\.0\.weight")
    refused([1, 2], "holds no network weights")
    nan = state["features.0.bias"].clone()
    nan[3] = torch.nan
    refused(state | {"features.0.bias": nan}, r"features\.0\.bias holds NaN")
    integers = torch.ones(64, dtype=torch.int64)
    refused(state | {"features.0.bias": integers}, r"features\.0\.bias holds")
    text = tmp_path / "text.pth"
    text.write_text("not weights")
    with pytest.raises(DegradeError, match=r"text\.pth.*no PyTorch file; refused"):
        load_vgg19(text, sha256=hashlib.sha256(b"not weights").hexdigest())


def test_find_vgg19_weights_notices_a_damaged_file(
    tmp_path: Path, vgg_file: Path, digest: str
) -> None:
    cut = tmp_path / f"vgg19-{digest[:8]}.pth"
    shutil.copy(vgg_file, cut)
    os.truncate(cut, cut.stat().st_size - 1)
    with pytest.raises(DegradeError, match="its sha256 is"):
        find_vgg19_weights(cut)
