"""What a step of a plan is, what it draws from and what it reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeAlias, cast

import msgspec
import numpy as np

from degrade.arrays import Box, FloatArray
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.index import BY_CAMERA, PoolIndex
from degrade.geometry import Scale
from degrade.kernels import BlurKernel

__all__ = [
    "MARGIN",
    "NO_LEVELS",
    "Chance",
    "Margin",
    "Of",
    "PhotoSettings",
    "PoolParts",
    "Step",
    "StepInputs",
    "StepSettings",
    "apply_steps",
]


class Chance(Protocol):
    """Where random integers come from: ``numpy.random.Generator`` is one."""

    def integers(self, bound: int, /) -> int:
        """Return an integer of 0 … bound - 1, each as likely."""


class PoolParts(Protocol):
    """What steps read of a pool; :class:`degrade.pool.DegradationPool` has it."""

    def read_kernel(self, kernel_id: str, /) -> BlurKernel:
        """Read one kernel."""

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int, /
    ) -> FloatArray:
        """Read a (height, width, 3) window of a residual, on the [0, 1] scale."""


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What steps read besides themselves.

    Attributes
    ----------
    pool : PoolParts
    hr : PreparedImage or None
        The whole clean HR image; None where LR is there already.
    hr_box : (top, left, height, width) or None
        The patch of it that LR is made of.
    """

    pool: PoolParts
    hr: PreparedImage | None = None
    hr_box: Box | None = None


class StepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recipe may say of a step: a subclass beside the step, which names it.

    Its fields are the keys that the step has in a recipe's TOML, in types that say their ranges.
    """

    @property
    def draws_from(self) -> tuple[str, ...]:
        """Kinds of measurements that these settings need besides :attr:`Step.draws_from`."""
        return ()

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Step:
        """Draw the step; as :meth:`Step.draw`."""
        raise NotImplementedError

    def behind(
        self, step: Step, earlier: Sequence[Step], index: PoolIndex, kernel_id: str | None
    ) -> Step | None:
        """Return a step that :meth:`draw` gave, as it is behind earlier ones; nothing is drawn.

        Parameters
        ----------
        step : Step
        earlier : sequence of Step
            Of the plan; of one that goes on with what was left to training, those drawn now.
        index : PoolIndex
        kernel_id : str or None
            Of the plan.

        Returns
        -------
        Step or None
            None: the plan goes without it.
        """
        return step

    def words(self) -> str:
        """Return for people, in a few words, what is drawn."""
        raise NotImplementedError


Of: TypeAlias = Literal["camera", "pool"]
"""Whose photos a step is drawn from: those of the kernel's camera, or all of a pool."""


class PhotoSettings(StepSettings, frozen=True, kw_only=True):
    """What a recipe may say of a step that is drawn from photos of a pool.

    Attributes
    ----------
    of : "camera", "pool" or unset
        Whose photos; unset: the pool's, as in recipes of earlier versions.
    """

    of: Of | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_of_camera(self) -> bool:
        """Whether the step is drawn from photos of the kernel's camera."""
        return self.of == "camera"

    @property
    def draws_from(self) -> tuple[str, ...]:
        """Which camera took which photo, where that decides."""
        return (BY_CAMERA,) if self.is_of_camera else ()

    def whose(self, photo: str, did: str = "") -> str:
        """Return for people whose photo is drawn: what it is called, and what was done to it."""
        whose = "the kernel's camera" if self.is_of_camera else "the pool"
        return f"{photo} of {whose}{did}, each as likely"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a plan: a subclass in a file of its own, and a row of ``STEPS``.

    Its fields are what was drawn, in types that say their ranges, such as
    :data:`degrade.disk.structs.Whole`: they are the step's JSON, and what is read back is checked
    against them.

    Attributes
    ----------
    kind : str
        The name in ``STEPS`` and in JSON.
    draws_from : tuple of str
        The kinds of measurements whose values :meth:`draw` takes; it is offered no others, and a
        run that has begun does not mind when others are added to its pool.
    about : str
        What is drawn, in a few words for people: for a step that has no settings.
    drawn_by : subclass of StepSettings or None
        What a recipe may set; None: nothing.
    reads_hr : bool
        Whether it makes levels of HR: every plan begins with one such step, and has no other.
    makes_lr : bool
        Whether what it gives has the size of LR for the first time: every plan has one such step.
    in_recipes : bool
        Whether a recipe may have it; else it is of plans alone.
    is_noise : bool
        Whether it adds noise: ``noise="defer"`` leaves it, and all that follows it, to training,
        and ``noise="none"`` leaves it out.
    """

    kind: ClassVar[str]
    draws_from: ClassVar[tuple[str, ...]] = ()
    about: ClassVar[str] = ""
    drawn_by: ClassVar[type[StepSettings] | None] = None
    reads_hr: ClassVar[bool] = False
    makes_lr: ClassVar[bool] = False
    in_recipes: ClassVar[bool] = True
    is_noise: ClassVar[bool] = False

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a step; one that has settings is drawn as they are when nothing is set.

        Parameters
        ----------
        index : PoolIndex
            What may be drawn from; of what was measured, the kinds in ``draws_from``.
        lr_shape : (height, width)
            Of the LR image that the step is for.
        rng : Chance

        Raises
        ------
        InvalidValueError
            The pool has nothing to draw from; the text says what it lacks.
        """
        if cls.drawn_by is None:
            raise NotImplementedError
        return cast(Self, cls.drawn_by().draw(index, lr_shape, rng))

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos, by their sha256, that the step's content can be of."""
        return ()

    def photo(self, index: PoolIndex) -> str:
        """Return the sha256 of the photo that the step's content is of; empty: of none."""
        return ""

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Apply the step; nothing is drawn, and ``levels`` stay as they are.

        Parameters
        ----------
        levels : (h, w, 3) float32 array
            LR in 8-bit grey levels, not clipped. Empty for the step that makes LR of HR.
        given : StepInputs

        Returns
        -------
        (h, w, 3) float32 array
            In grey levels, not clipped; the same bits on every machine.

        Raises
        ------
        InvalidValueError
            ``levels`` or ``given`` are not what the step is for.
        """
        raise NotImplementedError

    def words(self) -> str:
        """Return the step in one line for people."""
        raise NotImplementedError

    def reach(self, pool: PoolParts, scale: Scale) -> int:
        """Return how many pixels around a pixel of HR it reads; 0 for one that reads none."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Return the step as plain Python values."""
        return {"kind": self.kind, **msgspec.to_builtins(self)}


MARGIN = 12
"""Pixels of LR around a patch, for chains of steps that begin in the size of HR: more than half the
largest kernel of the field's random chains."""

Margin: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1024)]

NO_LEVELS: FloatArray = np.empty((0, 0, 3), np.float32)
"""What the step that makes LR of HR is given."""


def apply_steps(steps: Iterable[Step], levels: FloatArray, given: StepInputs) -> FloatArray:
    """Apply steps one after the other; parameters and result as :meth:`Step.apply`."""
    for step in steps:
        levels = step.apply(levels, given)
    return levels
