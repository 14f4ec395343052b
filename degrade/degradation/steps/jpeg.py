"""The step that compresses LR as a camera compressed its photos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import (
    Chance,
    PhotoSettings,
    Step,
    StepInputs,
    StepSettings,
)
from degrade.degradation.steps.ranges import check_ascending
from degrade.disk.structs import ready
from degrade.errors import InvalidValueError
from degrade.jpeg.compression import COMPRESSIBLE, LARGEST_STEP, recompressed
from degrade.jpeg.neighbours import neighbour_tables
from degrade.jpeg.tables import JpegSettings, Table, quality_of, standard_tables

__all__ = ["Jpeg", "JpegChoice"]


_Quality: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=100)]
_Subsampling: TypeAlias = Literal["4:4:4", "4:2:2", "4:2:0"]


class JpegChoice(PhotoSettings, frozen=True):
    """Which tables.

    Attributes
    ----------
    quality : (int, int) or None
        Lowest and highest quality of libjpeg; None: the tables and the subsampling of a photo of
        the pool.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}
        With ``quality``.
    neighbours : int
        Around a photo's quality, so many to each side.
    """

    quality: tuple[_Quality, _Quality] | None = None
    subsampling: _Subsampling = "4:2:0"
    neighbours: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0

    def __post_init__(self) -> None:
        if self.quality is not None:
            check_ascending("quality", self.quality, 1, 100)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Jpeg:
        """Draw a quality, or a photo that is a JPEG file; each as likely."""
        if self.quality is not None:
            low, high = self.quality
            tables = standard_tables(low + int(rng.integers(high - low + 1)))
            return Jpeg(*tables, self.subsampling)
        found = [tables for _, tables in _usable(index)]
        if not found:
            raise InvalidValueError(
                "no photo of the pool is a JPEG file whose colours are known, or has such a file's "
                "tables in its pixels"
            )
        step = msgspec.convert(found[rng.integers(len(found))], ready(Jpeg))
        if not self.neighbours:
            return step
        by = int(rng.integers(2 * self.neighbours + 1)) - self.neighbours
        luma, chroma = neighbour_tables(step.luma, step.chroma, by)
        return msgspec.structs.replace(step, luma=luma, chroma=chroma)

    @property
    def is_of_camera(self) -> bool:
        """Whether tables are those of photos of the kernel's camera."""
        return self.quality is None and self.of == "camera"

    @property
    def is_measured(self) -> bool:
        """Whether tables are those of photos, as they are."""
        return self.quality is None and not self.neighbours

    def behind(
        self, step: Step, earlier: Sequence[Step], index: PoolIndex, kernel_id: str | None
    ) -> Step:
        """Return the compression of the photo that the noise is of, where that was compressed.

        Its residuals hold that compression already. On the same grid and with the same tables it
        leaves them as they are; any other would take from them a second time. A quality that is
        set, and one that is drawn around a photo's, stay as they were drawn.
        """
        photos = [photo for other in earlier if (photo := other.photo(index))]
        if not photos or not self.is_measured:
            return step
        own = dict(_usable(index)).get(photos[-1])
        return step if own is None else msgspec.convert(own, ready(Jpeg))

    def words(self) -> str:
        """Return for people what is drawn."""
        if self.quality is not None:
            low, high = self.quality
            return f"libjpeg's quality {low} … {high}, {self.subsampling}"
        around = f", its quality ± {self.neighbours}" if self.neighbours else ""
        return f"{self.whose('tables and subsampling of a JPEG photo')}{around}"


class Jpeg(Step, frozen=True, omit_defaults=True):
    """Round to 8 bits, compress with the tables of a photo of the pool, and decode again.

    Attributes
    ----------
    luma, chroma : tuple of 64 int
        Quantisation steps, row by row.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}
    turned : bool
        Of a photo that was turned by 90° after its compression: LR is compressed lying on its side.
    """

    kind: ClassVar[str] = "jpeg"
    draws_from: ClassVar[tuple[str, ...]] = ("jpeg",)
    drawn_by: ClassVar[type[StepSettings]] = JpegChoice
    luma: Table
    chroma: Table
    subsampling: _Subsampling
    turned: bool = False

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos whose compression can be drawn."""
        return {photo for photo, _ in _usable(index)}

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Compress."""
        pixels = round_to_u8(np.clip(levels, 0, 255))
        if self.turned:
            pixels = recompressed(pixels.swapaxes(0, 1), self.tables).swapaxes(0, 1)
        else:
            pixels = recompressed(pixels, self.tables)
        return pixels.astype(np.float32, order="C")

    @property
    def tables(self) -> JpegSettings:
        """What the encoder is told."""
        return JpegSettings(self.luma, self.chroma, self.subsampling)

    def words(self) -> str:
        """Return the step in one line for people."""
        quality = quality_of(self.tables)
        how = "with a camera's own tables" if quality is None else f"at libjpeg's quality {quality}"
        turned = ", lying on its side" if self.turned else ""
        return f"compressed as JPEG {how}, {self.subsampling}{turned}"


def _usable(index: PoolIndex) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield photos whose compression the encoder can imitate, each with the fields of its step."""
    for found in index.measured.get(Jpeg.kind, ()):
        # Of files in other formats: what their pixels still tell, where all of it is certain.
        values = dict(found.values if "luma" in found.values else found.values.get("pixels", {}))
        is_known = values.get("subsampling") in COMPRESSIBLE and values.get("chroma")
        is_known = is_known and values.get("luma")
        if is_known and max(*values["luma"], *values["chroma"]) <= LARGEST_STEP:
            known = {name: values[name] for name in Jpeg.__struct_fields__ if name in values}
            yield found.photo_sha256, known
