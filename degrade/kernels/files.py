"""The field's kernel files: MATLAB ``.mat`` (v5 and v7.3), ``.npy`` and ``.npz``, without trust.

Known layouts: KernelGAN's ``<img>_kernel_x2.mat`` (key ``Kernel``), MetaKernelGAN's (``kernel``),
FKP's ``<img>.mat`` (``Kernel``), KAIR's ``kernels_12.mat`` (``kernels``, a 1×12 cell) and
``kernels_bicubicx234.mat`` (one for each scale), stacks H×W×N, and the same as arrays in ``.npy``
and ``.npz``.
"""

from __future__ import annotations

import contextlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.disk.files import read_file
from degrade.disk.npy import map_npy, read_npz
from degrade.errors import InputError, InvalidValueError, printable
from degrade.field_names import scales_in
from degrade.geometry import Scale, as_scale
from degrade.kernels.kernel import (
    PHASE_TOLERANCE,
    BlurKernel,
    kernel_centre,
    phase_centre,
    repair_kernel,
)
from degrade.kernels.mat5 import is_mat5, read_mat5
from degrade.kernels.mat73 import is_mat73, read_mat73

__all__ = [
    "KERNEL_SUFFIXES",
    "Convention",
    "RawKernel",
    "import_kernel",
    "kernels_in",
    "read_kernel_file",
    "scale_in_name",
]

KERNEL_SUFFIXES = frozenset({".mat", ".npy", ".npz"})
"""File name endings, in lower case, that a search through a folder takes for kernels."""

Convention: TypeAlias = Literal["correlate", "convolve", "auto"]

_MAX_BYTES = 64 * 2**20
_MAX_SIDE = 255
_MAX_VALUES = 2**23
_MAX_KERNELS = 10_000
_USUAL_NAMES = ("Kernel", "kernel", "kernels")
_SCALE_NAMES = ("scale", "sf", "scale_factor", "upscale")
_UNDECIDED = 0.5
"""Farther than this from both phases, in HR pixels, a centre tells no orientation."""

# Everything that damaged data have been seen to make h5py and NumPy raise.
_READ_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    SystemError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class RawKernel:
    """A kernel as its file has it.

    Attributes
    ----------
    weights : (K, K) float64 array
        Any phase, any sum.
    label : str
        For people.
    scale : int or None
        That the file, its name or its folder states.
    notes : tuple of str
        What is to be said of how the file keeps it.
    """

    weights: npt.NDArray[np.float64]
    label: str
    scale: Scale | None = None
    notes: tuple[str, ...] = ()


def scale_in_name(path: Path) -> Scale | None:
    """Return the one scale that a file's name states, or else its folder's.

    ``photo_kernel_x4.mat``, ``gt_k_x4/kernel_1.mat``; None where there is none, or are several.
    """
    found = re.search(r"_x([2-9]|\d+\.\d+|\d+-\d+)$", path.stem, re.IGNORECASE)
    if found:
        with contextlib.suppress(InvalidValueError):  # as `_x1.25` is
            return as_scale(found[1].replace("-", "/"))
    for name in (path.stem, path.absolute().parent.name):
        if scales := scales_in(name):
            return scales[0] if len(scales) == 1 else None
    return None


def read_kernel_file(path: Path) -> list[RawKernel]:
    """Read all kernels of one file.

    Variables named ``Kernel``, ``kernel`` or ``kernels`` are taken, or, when there is none, every
    variable that looks like a kernel or a stack of kernels.

    Raises
    ------
    InputError
        The file is missing, damaged, of another kind, too large, or holds no square array.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return kernels_in({"": [map_npy(path)]}, path)
    if suffix == ".npz":
        arrays = read_npz(path, max_bytes=_MAX_BYTES)
        return kernels_in({name: [array] for name, array in arrays.items()}, path)
    return kernels_in(_read_mat(path), path)


def kernels_in(variables: Mapping[str, Sequence[AnyArray]], path: Path) -> list[RawKernel]:
    """Return the kernels among the arrays of a file.

    Parameters
    ----------
    variables : mapping of str to sequence of array
        By name.
    path : Path
        The file, whose name and folder may state a scale.

    Raises
    ------
    InputError
        There are none, or too many.
    """
    if sum(array.size for group in variables.values() for array in group) > _MAX_VALUES:
        raise InputError(path, "holds too many values for kernels", "split the file")
    chosen = {name: variables[name] for name in _USUAL_NAMES if name in variables} or variables
    stated = _stated_by_number(variables)
    kernels = []
    for name, arrays in chosen.items():
        weights = [kernel for array in arrays for kernel in _split(array)]
        in_name = scales_in(name)
        scale = in_name[0] if len(in_name) == 1 else stated
        for number, kernel in enumerate(weights):
            label = f"{path.name}:{name}" if len(chosen) > 1 else path.name
            label = f"{label}[{number}]" if len(weights) > 1 else label
            kernels.append(RawKernel(kernel, label, scale))
    if len(kernels) > _MAX_KERNELS:
        raise InputError(path, f"holds {len(kernels)} kernels, more than {_MAX_KERNELS}")
    if not kernels:
        shapes = [f"{n} {a.shape}".strip() for n, group in variables.items() for a in group[:3]]
        raise InputError(
            path,
            f"holds no kernel: found {', '.join(shapes[:4]) or 'no numeric array'}",
            f"a kernel is a square array of 2 to {_MAX_SIDE} taps a side, or a stack H×W×N of them",
        )
    return _with_scales(kernels, path)


def _stated_by_number(variables: Mapping[str, Sequence[AnyArray]]) -> int | None:
    """Return the scale that a variable such as ``sf`` holds."""
    for name in _SCALE_NAMES:
        group = variables.get(name, ())
        if len(group) == 1 and group[0].size == 1 and group[0].item() in range(2, 17):
            return int(group[0].item())
    return None


def _with_scales(kernels: list[RawKernel], path: Path) -> list[RawKernel]:
    """Add what the names of file and folder state to kernels of which nothing is known."""
    several = scales_in(path.stem)
    if len(several) > 1 and len(several) == len(kernels):
        scales: list[Scale | None] = [*several]  # KAIR's kernels_bicubicx234: one for each
    else:
        scales = [scale_in_name(path)] * len(kernels)
    return [
        replace(kernel, scale=kernel.scale or scale)
        for kernel, scale in zip(kernels, scales, strict=True)
    ]


def _split(array: AnyArray) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the kernels of a (K, K), (K, K, N) or (N, K, K) array; of any other, none."""
    array = np.squeeze(array)
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim == 3 and array.shape[0] != array.shape[1]:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[0] == array.shape[1] and 2 <= array.shape[0] <= _MAX_SIDE:
        for number in range(array.shape[2]):
            yield np.array(array[:, :, number], dtype=np.float64)


def _read_mat(path: Path) -> dict[str, list[AnyArray]]:
    data = read_file(path)
    if len(data) > _MAX_BYTES:
        raise InputError(path, f"{len(data)} bytes are too many for kernels", "split the file")
    try:
        if is_mat73(data):
            return read_mat73(data, max_bytes=_MAX_BYTES)
        if is_mat5(data):
            return read_mat5(data, max_bytes=_MAX_BYTES)
    except _READ_ERRORS as error:
        reason = printable(" ".join(str(error).split()) or type(error).__name__)
        raise InputError(
            path, f"damaged or not a MATLAB file ({reason:.120})", "replace or remove the file"
        ) from None
    raise InputError(
        path,
        "neither a MATLAB file (v5 to v7.3) nor .npy, .npz, .pth, a gray picture or .csv",
        "convert it to .npy",
    )


def import_kernel(
    raw: RawKernel, scale: Scale, convention: Convention = "auto"
) -> tuple[BlurKernel, list[str]]:
    """Turn a kernel from a file into one that follows the project's phase rule.

    Parameters
    ----------
    raw : RawKernel
    scale : Scale
        The downscaling factor that it belongs to.
    convention : {"correlate", "convolve", "auto"}
        How its makers apply it. ``correlate`` (KernelGAN): as it is. ``convolve`` (KAIR, USRNet,
        and what FKP stores): flipped along both axes. ``auto``: the one of the two whose place
        for the centre, K//2 ± (scale - 1)/2, is nearer.

    Returns
    -------
    kernel : BlurKernel
    notes : list of str
        What was decided and mended.

    Raises
    ------
    InvalidValueError
        Nothing can make a kernel of it: not finite, all zero, or without a positive sum.
    """
    if convention == "auto":
        flip, notes = _decide_flip(raw.weights, scale)
    else:
        flip = convention == "convolve"
        notes = ["flipped (a convolution's kernel)"] if flip else []
    weights = raw.weights[::-1, ::-1] if flip else raw.weights
    kernel, repairs = repair_kernel(weights, scale, raw.label)
    return kernel, [*raw.notes, *notes, *repairs]


def _decide_flip(weights: npt.NDArray[np.float64], scale: Scale) -> tuple[bool, list[str]]:
    flipped = weights[::-1, ::-1]
    if not np.isfinite(weights).all() or not weights.sum() > 0:
        return False, []  # repair_kernel says what is wrong
    if np.allclose(weights, flipped, rtol=0, atol=1e-4 * np.abs(weights).max()):
        return False, []
    as_is, turned = (_distance_to_phase(array, scale) for array in (weights, flipped))
    if min(as_is, turned) > _UNDECIDED or abs(as_is - turned) < PHASE_TOLERANCE:
        return False, ["taken as a correlation (its centre does not tell)"]
    if turned < as_is:
        return True, ["flipped (its centre is a convolution's)"]
    return False, ["taken as a correlation (its centre is one's)"]


def _distance_to_phase(weights: npt.NDArray[np.float64], scale: Scale) -> float:
    even = 1 - weights.shape[0] % 2
    odd = np.pad(weights, ((even, 0), (even, 0)))  # as repair_kernel does
    return float(np.abs(kernel_centre(odd, scale) - phase_centre(len(odd), scale)).max())
