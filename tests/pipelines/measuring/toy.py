"""Measurements that tests add: the mean grey level of a photo, and one that kills its worker."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from degrade.errors import InputError
from degrade.pool import Findings
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto


@dataclass(frozen=True, slots=True)
class MeanLevel(Measurement):
    """Refuses photos that are narrower than ``least`` pixels."""

    least: int = 1

    @property
    def kind(self) -> str:
        return "mean-level"

    @property
    def settings(self) -> dict[str, Any]:
        return {"least": self.least}

    def seconds_for(self, pixels: int) -> float:
        return 1e-8 * pixels

    def measure(self, photo: OpenPhoto) -> Findings:
        if photo.scanned.width < self.least:
            raise InputError(photo.scanned.path, "too narrow for a mean", "use a wider photo")
        level = float(photo.photo.pixels.mean())
        return Findings(
            kind=self.kind,
            settings=self.settings,
            values={"level": level},
            flags=("dark",) if level < 40 else (),
            confidence=0.5,
        )


@dataclass(frozen=True, slots=True)
class Deadly(Measurement):
    """Ends the process that measures the photo called ``name``, as want of memory does."""

    name: str

    @property
    def kind(self) -> str:
        return "deadly"

    @property
    def settings(self) -> dict[str, Any]:
        return {"name": self.name}

    def seconds_for(self, pixels: int) -> float:
        return 0.0

    def measure(self, photo: OpenPhoto) -> Findings:
        if photo.scanned.name == self.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return Findings(kind=self.kind, settings=self.settings)
