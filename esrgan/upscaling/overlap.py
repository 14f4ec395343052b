"""How far tiles must see to look like parts of the whole: measured on the network itself."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from degrade.disk.user_cache import recall, remember
from degrade.rng import rng_for
from esrgan.networks import Generator

__all__ = ["known_overlap", "measure_overlap"]

_TOLERANCE = 0.5 / 255
"""What a cut may change."""

_MARGIN = 4
"""LR pixels that are added at least: some photos need a few more than the probe."""

_STEP = 4
_PROBE_ROWS = 64
_PROBE_CONTRAST = 0.5
_FIRST_REACH = 128
_SCENE = 8

_CACHE = "overlap-1"
"""Where overlaps are remembered; another measurement has another number."""

_OVERLAPS: dict[str, int] = {}
"""Those measured in this process, by a hash of the weights; some bytes each."""


def known_overlap(network: Generator, *, passing: bool = False) -> int:
    """Return what :func:`measure_overlap` gives, measured once for its weights on this machine.

    Parameters
    ----------
    network : Generator
        As for :func:`measure_overlap`.
    passing : bool
        The weights are going to change: nothing is kept on disk.
    """
    key = _hash(network)
    if key not in _OVERLAPS:
        kept = _checked(recall(_CACHE, key), network)
        _OVERLAPS[key] = measure_overlap(network) if kept is None else kept
        if kept is None and not passing:
            remember(_CACHE, key, {"overlap": _OVERLAPS[key]})
    return _OVERLAPS[key]


def measure_overlap(network: Generator) -> int:
    """Find how much of their surroundings tiles need to look like parts of the whole.

    An SR pixel may depend on LR pixels as far away as ``network.receptive_radius``, but on most of
    them so little that no grey level changes. On a picture about as hard as photos (noise and
    blocks of half of the contrast that there can be), a part is cut off, and it is looked how far
    from the cut SR differs by half a grey level of 8 bits or more.

    Parameters
    ----------
    network : Generator
        In evaluation mode; computes where it is, in float32.

    Returns
    -------
    int
        LR pixels, a multiple of eight; or all that the network sees, a multiple of four.
    """
    farthest = _rounded(network.receptive_radius)
    reach = min(_FIRST_REACH, _rounded(farthest, _SCENE))
    while True:
        differences = _differences_beside_a_cut(network, reach)
        wrong = np.flatnonzero(differences > _TOLERANCE)
        needed = 0 if not len(wrong) else int(wrong[-1]) + 1
        # Differences that end long before the picture does have really ended.
        if needed <= 3 * reach // 4 or reach >= farthest:
            return min(_rounded(needed + _MARGIN, 2 * _STEP), farthest)
        reach = min(2 * reach, _rounded(farthest, _SCENE))


def _rounded(pixels: int, step: int = _STEP) -> int:
    return pixels + -pixels % step


def _hash(network: Generator) -> str:
    weights = hashlib.blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        weights.update(f"{name} {tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().contiguous().numpy().data)
    return weights.hexdigest()


def _checked(kept: Any, network: Generator) -> int | None:
    """Return a remembered overlap; None where it is none, so that it is measured again."""
    overlap = kept.get("overlap") if isinstance(kept, dict) else None
    fits = (
        type(overlap) is int
        and 0 <= overlap <= _rounded(network.receptive_radius)
        and overlap % _STEP == 0
    )
    return overlap if fits else None


def _differences_beside_a_cut(network: Generator, reach: int) -> torch.Tensor:
    """Return the largest difference in each LR column from a cut on, ``reach`` of them."""
    device = network.conv_first.weight.device
    probe_BCHW = _draw_probe(2 * reach, network.in_channels).to(device)
    with torch.inference_mode():
        whole = network(probe_BCHW)[..., network.scale * reach :]
        part = network(probe_BCHW[..., reach:])
        columns = (whole.clamp(0, 1) - part.clamp(0, 1)).abs().amax((0, 1, 2))
        largest: torch.Tensor = columns.reshape(reach, network.scale).amax(1).cpu()
        return largest


def _draw_probe(width: int, channels: int) -> torch.Tensor:
    rng = rng_for(0, "overlap probe", width)
    shape = (1, channels, _PROBE_ROWS // _SCENE, width // _SCENE)
    blocks = rng.random(shape, np.float32).round().repeat(_SCENE, 2).repeat(_SCENE, 3)
    noise = rng.random((1, channels, _PROBE_ROWS, width), np.float32)
    # Left to right: blocks and noise by turns, so that each lies at every distance from the cut.
    is_noise = np.arange(_PROBE_ROWS)[:, None] % (2 * _SCENE) < _SCENE
    full = np.where(is_noise, noise, blocks)
    return torch.from_numpy((0.5 + _PROBE_CONTRAST * (full - 0.5)).astype(np.float32))
