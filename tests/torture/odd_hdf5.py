"""HDF5 files that HDF5 itself makes, of parts that nobody expects there."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

_DTYPES = ("u1", "<u2", ">u2", "i1", "<f8", ">f4", "<f2", "S5", "c16", "bool", "<u8")
_SIDES = (0, 1, 3, 8, 24, 8, 24, 255, 2**20, 2**40)


def odd_file(chance: random.Random, names: Sequence[str], userblock: int = 0) -> bytes:
    """Return a file in which each name is something odd."""
    buffer = io.BytesIO()
    libver = chance.choice(("earliest", "v108", "v110", "latest"))
    with h5py.File(buffer, "w", libver=libver, userblock_size=userblock) as file:
        for name in names:
            _put(file, name, chance)
            if chance.random() < 0.1:
                file.attrs[name] = "x" * chance.choice((1, 1000))
    return buffer.getvalue()


def _put(group: h5py.Group, name: str, chance: random.Random, depth: int = 0) -> None:
    what = chance.random()
    if what < 0.08:
        group[name] = h5py.SoftLink(chance.choice(("/", f"/{name}", "/nowhere", "/other")))
    elif what < 0.16:
        group[name] = h5py.ExternalLink(chance.choice(("/dev/zero", "other.h5", "/etc")), "/")
    elif what < 0.24 and depth < 3:
        inner = group.create_group(name)
        for number in range(chance.choice((0, 1, 3))):
            _put(inner, chance.choice((f"photo-{number}", f"n{number}")), chance, depth + 1)
    elif what < 0.3:
        group[name] = np.dtype(chance.choice(_DTYPES))
    elif what < 0.38:
        references = group.create_dataset(name, (2, 1), h5py.ref_dtype)
        references[0, 0] = chance.choice((group.ref, references.ref))
    elif what < 0.44:
        group.create_dataset(name, data=chance.choice(("text", h5py.Empty("f8"))))
    else:
        _put_dataset(group, name, chance)


def _put_dataset(group: h5py.Group, name: str, chance: random.Random) -> None:
    shape = tuple(chance.choice(_SIDES) for _ in range(chance.choice((0, 1, 2, 3, 4, 4))))
    options: dict[str, Any] = {"dtype": chance.choice(_DTYPES)}
    form = chance.choice(("plain", "chunks", "filters", "external", "virtual"))
    if form == "external":
        options["external"] = chance.choice(("/dev/zero", "/etc/passwd", "raw.bin"))
    elif form not in ("plain", "virtual") and shape and 0 not in shape:
        options["chunks"] = tuple(min(side, chance.choice((1, 8, 64))) for side in shape)
        options["maxshape"] = tuple(chance.choice((None, side)) for side in shape)
    if form == "filters" and "chunks" in options:
        options |= chance.choice(
            (
                {"compression": "gzip"},
                {"compression": "lzf"},
                {"shuffle": True},
                {"fletcher32": True},
                {"scaleoffset": 0},
            )
        )
    try:
        if form == "virtual" and shape:
            layout = h5py.VirtualLayout(shape, options["dtype"])
            layout[...] = h5py.VirtualSource("other.h5", name, shape)
            group.create_virtual_dataset(name, layout)
            return
        dataset = group.create_dataset(name, shape, **options)
        if dataset.size and dataset.size < 10**5 and "external" not in options:
            dataset[...] = np.ones((), dataset.dtype)
    except (ValueError, TypeError, OSError, RuntimeError, NotImplementedError):
        if name not in group:
            group[name] = 1.0  # HDF5 refuses that mixture
