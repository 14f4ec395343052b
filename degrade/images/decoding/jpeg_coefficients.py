"""Coefficients that no picture has: damage that a JPEG decoder does not notice.

Behind a few lost bytes the Huffman codes of a JPEG often fall into step again, and a decoder goes
on with means that are off and blocks that are shifted. What gives such a file away is a run of
zeros that leads out of its block, or a coefficient that 8-bit samples cannot have.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from degrade.compiled import is_compiled
from degrade.compiled.jpeg_walk import ScanPart, walk_details, walk_means
from degrade.errors import InvalidValueError
from degrade.images.decoding.jpeg_structure import JpegScan, JpegStructure
from degrade.images.headers import ImageHeader

__all__ = ["require_possible_coefficients"]

_BLOCK = 8


def require_possible_coefficients(
    structure: JpegStructure, data: bytes, header: ImageHeader
) -> None:
    """Raise InvalidValueError when a scan holds what no encoder writes.

    Nothing is refused where the code that reads the scans is not compiled; see
    :mod:`degrade.compiled`.
    """
    if not is_compiled():
        return
    walk = _walker(structure, data, header)
    for scan in structure.scans:
        fault = walk(scan)
        if fault is None:
            return  # the decoder says what is wrong
        if fault:
            raise InvalidValueError(f"its pixels are damaged ({fault})")


def _walker(
    structure: JpegStructure, data: bytes, header: ImageHeader
) -> Callable[[JpegScan], str | None]:
    """Return what walks through the scans one after the other."""
    view = memoryview(data)
    seen = {
        name: np.zeros(np.prod(_blocks_of(structure, name, header)), np.uint64)
        for name in structure.sampling
        if structure.is_progressive
    }

    def walk(scan: JpegScan) -> str | None:
        coded = view[scan.start :]
        if not set(scan.components) <= set(structure.sampling) or not all(scan.steps):
            return None
        if structure.is_progressive and scan.first > 0:
            if len(scan.components) > 1 or not all(scan.detail_codes):
                return None
            (name,), (codes,), (steps,) = scan.components, scan.detail_codes, scan.steps
            return walk_details(
                coded,
                codes,
                steps,
                seen[name],
                scan.restart,
                first=scan.first,
                last=scan.last,
                low=scan.low,
                is_further=scan.high > 0,
            )
        if scan.high > 0:
            return ""  # one bit of each mean: any will do
        if not all(scan.mean_codes) or not (structure.is_progressive or all(scan.detail_codes)):
            return None
        units, blocks = _units(structure, scan, header)
        parts = map(ScanPart, blocks, scan.mean_codes, scan.detail_codes, scan.steps)
        return walk_means(
            coded,
            list(parts),
            units,
            scan.restart,
            low=scan.low if structure.is_progressive else 0,
            has_details=not structure.is_progressive,
        )

    return walk


def _units(structure: JpegStructure, scan: JpegScan, header: ImageHeader) -> tuple[int, list[int]]:
    """Return how many units (MCU) a scan has, and how many blocks of each component one holds."""
    if len(scan.components) == 1:
        # Its blocks one after the other; those that fill up a unit are left out.
        down, across = _blocks_of(structure, scan.components[0], header)
        return down * across, [1]
    most_across, most_down = _most_sampling(structure)
    units = -(-header.width // (_BLOCK * most_across)) * -(-header.height // (_BLOCK * most_down))
    return units, [h * v for h, v in (structure.sampling[name] for name in scan.components)]


def _blocks_of(structure: JpegStructure, name: int, header: ImageHeader) -> tuple[int, int]:
    """Return how many blocks a component has down and across."""
    most_across, most_down = _most_sampling(structure)
    across, down = structure.sampling[name]
    width, height = -(-header.width * across // most_across), -(-header.height * down // most_down)
    return -(-height // _BLOCK), -(-width // _BLOCK)


def _most_sampling(structure: JpegStructure) -> tuple[int, int]:
    across, down = zip(*structure.sampling.values(), strict=True)
    return max(1, *across), max(1, *down)
