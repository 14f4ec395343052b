"""Readers of network weights."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.torture.damage import damage_bytes, damage_json, damage_zip, one_of
from tests.torture.readers import Reader, require


def _weights(suffix: str, folder: Path) -> tuple[Sequence[bytes], Any]:
    import torch

    from esrgan.networks import RRDBNet
    from esrgan.weights.files import read_network, read_weights, weights_of, write_weights

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = RRDBNet(scale=2, features=4, blocks=1, growth=2)
    weights = weights_of(network)
    path = folder / f"w{suffix}"
    seeds = []
    for naming in ("basicsr", "trunk"):
        write_weights(path, weights, naming=naming)
        seeds.append(path.read_bytes())
    if suffix == ".pth":
        old = io.BytesIO()
        torch.save(weights.state, old, _use_new_zipfile_serialization=False)
        seeds.append(old.getvalue())

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = read_weights(path)
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in found.state.values())
        require(finite, "weights that are not finite")
        require(read_network(path).scale in (1, 2, 3, 4), "a network of another scale")

    return seeds, read


def _spectral(folder: Path) -> tuple[Sequence[bytes], Any]:
    from degrade.spectral.weights import read_network, weights_file

    path = folder / "spectral_x2.safetensors"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_network(path)

    return [weights_file(2).read_bytes()], read


def _damage_head(content: bytes, chance: random.Random) -> bytes:
    """Damage a value in the head of a safetensors file."""
    end = 8 + int.from_bytes(content[:8], "little")
    head = json.dumps(damage_json(json.loads(content[8:end]), chance)).encode()
    return len(head).to_bytes(8, "little") + head + content[end:]


def _damage_pth(content: bytes, chance: random.Random) -> bytes:
    is_zip = content[:2] == b"PK" and chance.random() < 0.7
    return (damage_zip if is_zip else damage_bytes)(content, chance)


def readers() -> Iterator[Reader]:
    """Yield the readers of weights."""
    yield Reader("weights .pth", partial(_weights, ".pth"), _damage_pth)
    in_head = one_of(damage_bytes, _damage_head)
    yield Reader("weights .safetensors", partial(_weights, ".safetensors"), in_head)
    yield Reader("weights, spectral", _spectral, in_head)
