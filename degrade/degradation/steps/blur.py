"""The step that makes LR of HR: blur with a real kernel, keep every scale-th pixel."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from degrade.arrays import FloatArray
from degrade.degradation.index import CAMERA_KERNEL, MATCHED, PoolIndex
from degrade.degradation.steps.base import Chance, PoolParts, Step, StepInputs, StepSettings
from degrade.disk.structs import Text
from degrade.errors import InvalidValueError
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import error_energy
from degrade.kernels.stretching import stretch_by_error
from degrade.noise.normals import UNIT, quantiles

__all__ = ["Blur", "BlurSettings"]

_OWN = 0.5
"""The share of a kernel's expected error that is its photo's own, as where kernels are shared."""

_NO_KERNEL = "the pool has no kernel of this scale"
_NO_MATCH = "the pool has no matched kernels of this scale; `degrade match` makes them"

_NO_CAMERA = (
    "the pool has no kernels of this scale that were moved towards their camera's; "
    "`degrade estimate-kernels` does it for photos whose EXIF data name one camera, "
    "`degrade estimate-kernels camera=NAME` for any"
)

_DIGITS = 6
_MOST_ERROR = 16.0
"""No two kernels differ by as much."""

_KINDS = {"matched": MATCHED, "camera": CAMERA_KERNEL}
_WORDS = {
    None: "a kernel of the pool",
    "matched": "a matched kernel of the pool",
    "camera": "a kernel of the pool, nearer to those of its camera",
}


class BlurSettings(StepSettings, frozen=True):
    """Which kernel.

    Attributes
    ----------
    spread : bool
        Make the kernel wider or narrower by its own part of the error that its estimate expects;
        a kernel of unknown error stays as it is.
    kernels : "matched", "camera" or None
        ``matched``: those of the pool's last match, corrected until LR looked like the photos, and
        for training also as they were estimated. ``camera``: those that were estimated, each
        nearer to what photos of its camera have in common. None: each photo's own.
    """

    spread: bool = False
    kernels: Literal["matched", "camera"] | None = None

    @property
    def draws_from(self) -> tuple[str, ...]:
        """What was matched, or moved towards a camera's, where its kernels are wanted."""
        return () if self.kernels is None else (_KINDS[self.kernels],)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Blur:
        """Draw a kernel, each with the same probability; a photo's regions share that of one."""
        photos = self.kernels_of(index)
        regions = photos[rng.integers(len(photos))]
        kernel_id = regions[rng.integers(len(regions))] if len(regions) > 1 else regions[0]
        if not self.spread:
            return Blur(kernel_id)
        normal = int(quantiles()[rng.integers(len(quantiles()))]) / UNIT
        kpsnr = index.kernel_kpsnr.get(kernel_id)
        if kpsnr is None:
            return Blur(kernel_id)
        error = normal * (_OWN * error_energy(kpsnr)) ** 0.5
        return Blur(kernel_id, min(max(round(error, _DIGITS), -_MOST_ERROR), _MOST_ERROR))

    def kernels_of(self, index: PoolIndex) -> tuple[tuple[str, ...], ...]:
        """Return the kernels that may be drawn, those of one photo together.

        Raises
        ------
        InvalidValueError
            There is none.
        """
        match self.kernels:
            case "matched":
                photos, lacking = index.matched_by_photo, _NO_MATCH
            case "camera":
                photos, lacking = index.camera_by_photo if index.moved else (), _NO_CAMERA
            case None:
                photos, lacking = index.kernels_by_photo, _NO_KERNEL
        if not photos:
            raise InvalidValueError(lacking)
        return photos

    def words(self) -> str:
        """Return for people what is drawn."""
        around = ", its width around what was measured by its doubt" if self.spread else ""
        return f"{_WORDS[self.kernels]}, each as likely{around}; every scale-th pixel is kept"


class Blur(Step, frozen=True, omit_defaults=True):
    """Blur HR and sample it.

    Attributes
    ----------
    kernel_id : str
        In the pool.
    width_error : float or None
        How far from that kernel, in its width: see
        :func:`degrade.kernels.stretching.stretch_by_error`. None: it is used as it is.
    coarse : bool
        Its taps are rounded to 2⁻¹⁶, and no finer: as in plans of earlier versions.
    """

    kind: ClassVar[str] = "blur"
    drawn_by: ClassVar[type[StepSettings]] = BlurSettings
    reads_hr: ClassVar[bool] = True
    makes_lr: ClassVar[bool] = True
    kernel_id: Text
    width_error: Annotated[float, msgspec.Meta(ge=-_MOST_ERROR, le=_MOST_ERROR)] | None = None
    coarse: bool = False

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Return the LR of the HR patch that is given; the same bits everywhere.

        Pixels around the patch feed the blur.
        """
        if levels.size or given.hr is None or given.hr_box is None:
            raise InvalidValueError("a blur makes LR of HR: it is applied first, and needs the HR")
        kernel = self.read_kernel(given.pool)
        return given.hr.downsample(kernel, given.hr_box, finely=not self.coarse)

    def read_kernel(self, pool: PoolParts) -> BlurKernel:
        """Read the kernel, and make it wider or narrower."""
        kernel = pool.read_kernel(self.kernel_id)
        return kernel if self.width_error is None else stretch_by_error(kernel, self.width_error)

    def reach(self, pool: PoolParts, scale: Scale) -> int:
        """Return how many pixels around a pixel of HR the kernel reads."""
        return self.read_kernel(pool).size // 2

    def words(self) -> str:
        """Return the step in one line for people."""
        how = ""
        if self.width_error:
            how = f", made {'wider' if self.width_error > 0 else 'narrower'} by its doubt"
        return f"blurred with kernel {self.kernel_id}{how}"
