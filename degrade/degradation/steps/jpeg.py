"""The step that compresses LR as a camera compressed its photos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs
from degrade.errors import InvalidValueError
from degrade.jpeg.compression import COMPRESSIBLE, LARGEST_STEP, recompressed
from degrade.jpeg.tables import JpegSettings, Table, quality_of

__all__ = ["Jpeg"]


class Jpeg(Step, frozen=True):
    """Round to 8 bits, compress with the tables of a photo of the pool, and decode again.

    Attributes
    ----------
    luma, chroma : tuple of 64 int
        Quantisation steps, row by row.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}
    """

    kind: ClassVar[str] = "jpeg"
    draws_from: ClassVar[tuple[str, ...]] = ("jpeg",)
    about: ClassVar[str] = "tables and subsampling of a JPEG photo of the pool, each as likely"
    luma: Table
    chroma: Table
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"]

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a photo that is a JPEG file, or by its pixels was one, each as likely."""
        found = list(_usable(index))
        if not found:
            raise InvalidValueError(
                "no photo of the pool is a JPEG file whose colours are known, or has such a file's "
                "tables in its pixels"
            )
        values = found[rng.integers(len(found))]
        return msgspec.convert({name: values[name] for name in cls.__struct_fields__}, cls)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Compress."""
        pixels = recompressed(round_to_u8(np.clip(levels, 0, 255)), self.tables)
        return pixels.astype(np.float32)

    @property
    def tables(self) -> JpegSettings:
        """What the encoder is told."""
        return JpegSettings(self.luma, self.chroma, self.subsampling)

    def words(self) -> str:
        """Return the step in one line for people."""
        quality = quality_of(self.tables)
        how = "with a camera's own tables" if quality is None else f"at libjpeg's quality {quality}"
        return f"compressed as JPEG {how}, {self.subsampling}"


def _usable(index: PoolIndex) -> Iterator[dict[str, Any]]:
    """Yield what was measured in photos that the encoder can imitate."""
    for found in index.measured.get(Jpeg.kind, ()):
        # Of files in other formats: what their pixels still tell, where all of it is certain.
        values = dict(found.values if "luma" in found.values else found.values.get("pixels", {}))
        is_known = values.get("subsampling") in COMPRESSIBLE and values.get("chroma")
        is_known = is_known and values.get("luma")
        if is_known and max(*values["luma"], *values["chroma"]) <= LARGEST_STEP:
            yield values
