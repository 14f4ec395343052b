"""The step that makes LR of HR: blur with a real kernel, keep every scale-th pixel."""

from __future__ import annotations

from typing import ClassVar, Self

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, PoolParts, Step, StepInputs
from degrade.disk.structs import Text
from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel

__all__ = ["Blur"]


class Blur(Step, frozen=True):
    """Blur HR and sample it: the first step of every plan, and the only one that reads HR.

    Attributes
    ----------
    kernel_id : str
        In the pool.
    """

    kind: ClassVar[str] = "blur"
    about: ClassVar[str] = "a kernel of the pool, each as likely; every scale-th pixel is kept"
    reads_hr: ClassVar[bool] = True
    makes_lr: ClassVar[bool] = True
    kernel_id: Text

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a kernel, each with the same probability."""
        if not index.kernel_ids:
            raise InvalidValueError("the pool has no kernel of this scale")
        return cls(index.kernel_ids[rng.integers(len(index.kernel_ids))])

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Return the LR of the HR patch that is given; exact.

        Pixels around the patch feed the blur.
        """
        if levels.size or given.hr is None or given.hr_box is None:
            raise InvalidValueError("a blur makes LR of HR: it is applied first, and needs the HR")
        return given.hr.downsample(self.read_kernel(given.pool), given.hr_box)

    def read_kernel(self, pool: PoolParts) -> BlurKernel:
        """Read the kernel."""
        return pool.read_kernel(self.kernel_id)

    def reach(self, pool: PoolParts) -> int:
        """Return how many pixels around a pixel of HR the kernel reads."""
        return self.read_kernel(pool).size // 2

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"blurred with kernel {self.kernel_id}"
