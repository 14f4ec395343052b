"""Plan, then apply: every random choice of a pair is drawn first, into a plan that can be kept.

``plan_degradation`` draws; ``apply_degradation`` draws nothing, so one plan gives the same bytes
on every machine, in any order of work, and again when a pair is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from degrade.arrays import Box, FloatArray, U8Array, round_to_u8
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.index import PoolIndex
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.kernels import BlurKernel, bicubic_kernel

__all__ = [
    "DegradationConfig",
    "DegradationPlan",
    "Pair",
    "apply_degradation",
    "clean_up",
    "hr_boxes",
    "make_pair",
    "plan_degradation",
]


_ROWS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationConfig:
    """What every plan of a run has in common.

    Attributes
    ----------
    scale : int
        HR size over LR size, at least 2.
    noise : {"bake", "defer", "none"}
        ``bake`` adds a residual to LR now (I_LR = (I_HR * k)↓s + n, RealSR eq. 1); ``defer`` leaves
        that to training, where every epoch draws another; ``none`` leaves LR without noise.
    clean_up : int
        1: HR is the photo; 2: HR is the photo downscaled by 2 (bicubic, antialiased), which
        removes most of its own blur and noise (RealSR §3).
    """

    scale: int = 4
    noise: Literal["bake", "defer", "none"] = "bake"
    clean_up: int = 1

    def __post_init__(self) -> None:
        if self.scale < 2:
            raise InvalidValueError(f"scale must be at least 2, got {self.scale}")
        if self.noise not in ("bake", "defer", "none"):
            raise InvalidValueError(f"noise must be bake, defer or none, got {self.noise!r}")
        if self.clean_up not in (1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationPlan:
    """Everything that :func:`apply_degradation` needs to know to make one pair.

    Attributes
    ----------
    key : str
        The pair's name: ASCII letters, digits, ``_`` and ``-``.
    source_sha256 : str
        The HR photo's file.
    clean_up : int
        As in :class:`DegradationConfig`.
    hr_box : (top, left, height, width)
        The HR patch within the (cleaned-up) photo; sides are multiples of ``scale``.
    scale : int
    kernel_id : str
    noise_id : str or None
        None when LR gets no noise, or gets it at training.
    noise_origin : (top, left) or None
        Where the crop of the residual begins.
    """

    key: str
    source_sha256: str
    clean_up: int
    hr_box: Box
    scale: int
    kernel_id: str
    noise_id: str | None = None
    noise_origin: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain Python values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DegradationPlan:
        """Rebuild a plan, checking every field.

        Raises
        ------
        CorruptDataError
            Fields are missing, unknown, or of another type or range than a plan has.
        """
        try:
            plan = cls(
                key=_text(data["key"]),
                source_sha256=_text(data["source_sha256"]),
                clean_up=_whole(data["clean_up"], 1),
                hr_box=_numbers(data["hr_box"], 4),
                scale=_whole(data["scale"], 2),
                kernel_id=_text(data["kernel_id"]),
                noise_id=None if data["noise_id"] is None else _text(data["noise_id"]),
                noise_origin=(
                    None if data["noise_origin"] is None else _numbers(data["noise_origin"], 2)
                ),
            )
            if (plan.noise_id is None) != (plan.noise_origin is None):
                raise ValueError("noise_id and noise_origin must come together")
            unknown = set(data) - {field.name for field in fields(cls)}
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptDataError(f"not a degradation plan: {error!r}") from error
        if unknown:
            raise CorruptDataError(f"not a degradation plan: unknown fields {sorted(unknown)}")
        return plan


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected text, got {value!r}")
    return value


def _whole(value: Any, minimum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"expected an integer of at least {minimum}, got {value!r}")
    return value


def _numbers(values: Any, count: int) -> Any:
    numbers = tuple(_whole(value, 0) for value in values)
    if len(numbers) != count:
        raise ValueError(f"expected {count} numbers, got {values!r}")
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One training pair: (h, w, 3) uint8 LR, (scale·h, scale·w, 3) uint8 HR, and its plan.

    ``clipping_shift`` is how far clipping moved the mean of LR, in 8-bit grey levels: noise in
    very dark or bright parts can only go one way.
    """

    key: str
    lr_u8: U8Array
    hr_u8: U8Array
    plan: DegradationPlan | None
    clipping_shift: float = 0.0


def plan_degradation(
    key: str,
    source_sha256: str,
    hr_box: Box,
    pool: PoolIndex,
    config: DegradationConfig,
    *,
    rng: np.random.Generator,
) -> DegradationPlan:
    """Draw the kernel, the residual and its crop for one HR patch.

    Parameters
    ----------
    key, source_sha256, hr_box
        See :class:`DegradationPlan`.
    pool : PoolIndex
        What may be drawn; each kernel and each residual with the same probability.
    config : DegradationConfig
    rng : numpy.random.Generator
        Use ``rng_for(seed, "pairs", key)``.

    Raises
    ------
    InvalidValueError
        The pool has no kernel, or no residual when noise is to be baked in, or the box does not
        divide by the scale.
    """
    if not pool.kernel_ids:
        raise InvalidValueError("the pool has no kernel of this scale")
    if hr_box[2] % config.scale or hr_box[3] % config.scale:
        raise InvalidValueError(f"hr_box {hr_box} must have sides that {config.scale} divides")
    kernel_id = pool.kernel_ids[int(rng.integers(len(pool.kernel_ids)))]
    noise_id, noise_origin = None, None
    if config.noise == "bake":
        if not pool.noise:
            raise InvalidValueError("the pool has no noise patch to bake in")
        choice = pool.noise[int(rng.integers(len(pool.noise)))]
        noise_id = choice.id
        lr_sides = (hr_box[2] // config.scale, hr_box[3] // config.scale)
        # A window larger than the residual is mirrored on, so any origin inside it will do.
        room = [choice.size - side if side <= choice.size else choice.size - 1 for side in lr_sides]
        noise_origin = (int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1)))
    return DegradationPlan(
        key=key,
        source_sha256=source_sha256,
        clean_up=config.clean_up,
        hr_box=hr_box,
        scale=config.scale,
        kernel_id=kernel_id,
        noise_id=noise_id,
        noise_origin=noise_origin,
    )


def clean_up(photo_u8: U8Array, factor: int) -> U8Array:
    """Return the clean HR image of a photo: itself, or bicubic-downscaled by ``factor``.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
    factor : int
        Rows and columns beyond a multiple of it are cut off.

    Returns
    -------
    (H // factor, W // factor, 3) uint8 array
        As :func:`degrade.resample.imresize` with ``1 / factor``, rounded.

    Raises
    ------
    InvalidValueError
        A side of the photo is shorter than ``factor``.
    """
    if factor == 1:
        return photo_u8
    height, width = (side - side % factor for side in photo_u8.shape[:2])
    kernel = bicubic_kernel(factor)
    whole = PreparedImage(photo_u8[:height, :width], factor, kernel.size // 2)
    clean_u8 = np.empty((height // factor, width // factor, photo_u8.shape[2]), np.uint8)
    # Some rows at a time: in float32 all of them take four times the memory of the result.
    for top in range(0, height, _ROWS * factor):
        rows = min(_ROWS * factor, height - top)
        part = clean_u8[top // factor : (top + rows) // factor]
        part[...] = round_to_u8(whole.downsample(kernel, (top, 0, rows, width)))
    return clean_u8


def apply_degradation(
    hr: PreparedImage, plan: DegradationPlan, kernel: BlurKernel, noise: FloatArray | None = None
) -> FloatArray:
    """Make the LR image of a plan: blur, keep every scale-th pixel, add the noise.

    Parameters
    ----------
    hr : PreparedImage
        The whole clean HR image; pixels around the plan's box feed the blur.
    plan : DegradationPlan
    kernel : BlurKernel
        The plan's kernel.
    noise : (height / scale, width / scale, 3) float32 array or None
        The plan's window of its residual, on the [0, 1] scale (so within ±1); needed exactly when
        the plan names one.

    Returns
    -------
    (height / scale, width / scale, 3) float32 array
        In 8-bit grey levels, not clipped and not rounded; the same bits on every machine.

    Raises
    ------
    InvalidValueError
        Kernel or noise are not what the plan asks for, or the box leaves the image.

    References
    ----------
    Ji et al., "Real-World Super-Resolution via Kernel Estimation and Noise Injection", CVPRW 2020,
    eq. 1. Exact up to here and rounded once by the caller; the released code truncates to uint8,
    which darkens LR by half a grey level.
    """
    if (noise is None) != (plan.noise_id is None):
        raise InvalidValueError("noise must be given exactly when the plan names a residual")
    lr = hr.downsample(kernel, plan.hr_box)
    if noise is None:
        return lr
    if noise.shape != lr.shape:
        raise InvalidValueError(f"noise must be the plan's window {lr.shape}, got {noise.shape}")
    return lr + noise * np.float32(255)


def make_pair(
    hr: PreparedImage, plan: DegradationPlan, kernel: BlurKernel, noise: FloatArray | None = None
) -> Pair:
    """Apply a plan, clip and round; parameters as :func:`apply_degradation`."""
    top, left, height, width = plan.hr_box
    unclipped = apply_degradation(hr, plan, kernel, noise)
    clipped = np.clip(unclipped, 0, 255)
    shift = float(clipped.mean(dtype=np.float64) - unclipped.mean(dtype=np.float64))
    hr_patch = hr.pixels[top : top + height, left : left + width].copy()
    return Pair(plan.key, round_to_u8(clipped), hr_patch, plan, shift)


def hr_boxes(shape: Sequence[int], size: int | None, scale: int) -> list[Box]:
    """Return the HR patches of an image: a grid that covers it, the last row and column included.

    Parameters
    ----------
    shape : (height, width, ...)
        Of the clean HR image.
    size : int or None
        Side of a patch, a multiple of ``scale``; None: the whole image, cropped at the bottom and
        right to a multiple of ``scale``.

    Returns
    -------
    list of (top, left, height, width)
        Empty when the image is smaller than the patch (or than one LR pixel).

    Notes
    -----
    Where the side does not divide by ``size``, patches are spread evenly and overlap a little.
    """
    height, width = (int(side) for side in shape[:2])
    if size is None:
        box = (0, 0, height - height % scale, width - width % scale)
        return [box] if min(box[2:]) > 0 else []
    if size < scale or size % scale:
        raise InvalidValueError(f"the HR patch size must be a multiple of {scale}, got {size}")
    if min(height, width) < size:
        return []
    return [
        (top, left, size, size) for top in _starts(height, size) for left in _starts(width, size)
    ]


def _starts(length: int, size: int) -> list[int]:
    count = -(-length // size)
    return [round(i * (length - size) / max(count - 1, 1)) for i in range(count)]
