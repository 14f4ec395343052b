"""A pool of photos of several cameras."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from degrade.kernels import gaussian_kernel
from degrade.noise import NoisePatch
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from degrade.rng import rng_for
from tests.degrade.pool.parts import make_photo

PHONE = {"make": "Maker", "model": "Phone", "iso": 100}
SCANNER = {"make": "Maker", "model": "Scanner"}
CAMERAS: dict[str, dict[str, Any]] = {
    **{f"phone{n}": PHONE for n in range(5)},
    **{f"fast{n}": {**PHONE, "iso": 3200} for n in range(2)},
    **{f"scanner{n}": SCANNER for n in range(2)},
    "edited0": {},
}


def fill(path: Path, names: list[str]) -> DegradationPool:
    """Return a pool with a kernel and a noise patch of each photo; the last one has no noise."""
    pool = DegradationPool.create(path)
    with pool.writing():
        for name in names:
            number = list(CAMERAS).index(name)
            kernel = gaussian_kernel(13, 2, (1 + number / 20, 0.8))
            found = (FoundObject(kernel, "spectral", {}),)
            findings = [Findings(kind="kernel", settings={}, values={}, objects=found)]
            levels = rng_for(0, "noise", name).normal(120, 1 + number, (64, 64, 3))
            patch = NoisePatch(np.rint(levels).astype(np.uint8), 9.0, 120.0, name, (0, 0, 64, 64))
            if name != "edited0":
                found = (FoundObject(patch, "variance", {}),)
                findings.append(Findings(kind="noise", settings={}, values={}, objects=found))
            findings.append(Findings(kind="camera", settings={}, values=CAMERAS[name]))
            sha = hashlib.sha256(name.encode()).hexdigest()
            pool.add_findings(make_photo(name, sha256=sha), findings)
    return pool
