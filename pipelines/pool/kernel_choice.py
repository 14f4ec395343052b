"""The kernels of one file, or those of them that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from degrade.arrays import AnyArray
from degrade.disk.files import read_file
from degrade.errors import InputError
from degrade.field_names import scales_in
from degrade.geometry import Scale
from degrade.kernels.files import RawKernel, kernels_in, read_kernel_file
from degrade.wording import counted
from pipelines.pool.plain_kernels import (
    OTHER_PICTURES,
    PICTURE_SUFFIXES,
    TEXT_SUFFIXES,
    read_kernel_picture,
    read_kernel_text,
    refuse_picture,
)

__all__ = ["PassedOver", "chosen_kernels"]

_TORCH_SUFFIXES = (".pth", ".pt")


@dataclass(slots=True)
class PassedOver:
    """What was passed over in folders, being of another scale."""

    files: list[str] = field(default_factory=list)
    kernels: list[str] = field(default_factory=list)
    scales: set[Scale] = field(default_factory=set)

    def words(self) -> str:
        """Return the line that tells of it."""
        parts = [counted(len(self.files), "file")] if self.files else []
        parts += [counted(len(self.kernels), "kernel")] if self.kernels else []
        scales = ", ".join(f"×{scale}" for scale in sorted(self.scales))
        return f"passed over {' and '.join(parts)} named for another scale ({scales})"


def chosen_kernels(path: Path, index: tuple[int, ...]) -> list[RawKernel]:
    """Read a kernel file of any kind.

    Parameters
    ----------
    path : Path
    index : tuple of int
        Which of its kernels, counted from 0; empty: all.

    Raises
    ------
    InputError
        It cannot be read, would run code, or has no kernel of that number.
    """
    kernels = _reader(path.suffix.lower())(path)
    if index and max(index) >= len(kernels):
        raise InputError(
            path,
            f"holds {counted(len(kernels), 'kernel')}, there is no number {max(index)}",
            f"choose an `index` of 0 to {len(kernels) - 1}"
            if len(kernels) > 1
            else "leave `index` out",
        )
    return [kernels[number] for number in sorted(set(index))] if index else kernels


def _reader(suffix: str) -> Callable[[Path], list[RawKernel]]:
    if suffix in _TORCH_SUFFIXES:
        return _read_torch
    if suffix in PICTURE_SUFFIXES:
        return read_kernel_picture
    if suffix in OTHER_PICTURES:
        return refuse_picture
    return read_kernel_text if suffix in TEXT_SUFFIXES else read_kernel_file


def _read_torch(path: Path) -> list[RawKernel]:
    """Read what ``torch.save`` wrote: one tensor, or those that are named as kernels are."""
    from torch import Tensor

    from esrgan.weights.files import parse_weights

    data = read_file(path)
    content: Any = parse_weights(data, path)
    if not isinstance(content, dict):
        content = {"kernel": content}
    variables: dict[str, list[AnyArray]] = {}
    for name, value in content.items():
        # Others are a network's weights, which may be square too.
        if str(name).casefold() not in ("kernel", "kernels") and not scales_in(str(name)):
            continue
        items = value if isinstance(value, list | tuple) else [value]
        tensors = [item for item in items if isinstance(item, Tensor)]
        # A tensor may claim any shape over a single number that it holds.
        if sum(tensor.numel() * tensor.element_size() for tensor in tensors) > len(data):
            raise InputError(path, "claims more numbers than the file holds; refused")
        variables[str(name)] = [tensor.detach().double().numpy() for tensor in tensors]
    return kernels_in(variables, path)
