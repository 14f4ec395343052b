"""Kernels of transformed samples: what made the LR when both images are flipped or transposed.

The centre of a kernel is not that of its array: offsets o = tap − K//2 lie around (s − 1)/2, the
middle of the HR block that an LR pixel covers (phase rule). A flip maps each such block onto
another, mirrored, and so offset o to s − 1 − o: a mirror about the phase centre, which for even
scales lies between two taps. The offsets −r … r, r = K//2, become s − 1 − r … s − 1 + r. Padded
with s − 1 zeros at the far end they fill −r … r + s − 1, which a flip maps onto itself: then the
array is flipped as any array, and s − 1 zeros at the near end make its size odd again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from degrade.errors import InvalidValueError

__all__ = ["dihedral_kernels"]


def dihedral_kernels(kernels_BKK: Tensor, transforms: Sequence[int], scale: int) -> Tensor:
    """Transform each kernel as the augmentation transformed its pair.

    Parameters
    ----------
    kernels_BKK : Tensor
        K odd, following the phase rule (or not: an off-centre kernel moves to the mirrored place).
    transforms : sequence of int
        One of the dihedral group for each kernel, 0 … 7, as :mod:`esrgan.data.dataset` draws them:
        with 4 the image was first transposed, then with 1 mirrored left and right, with 2 up and
        down.
    scale : int
        Of the pairs.

    Returns
    -------
    (B, K + 2·(scale − 1), K + 2·(scale − 1)) Tensor
        Such that downsampling a transformed image with its transformed kernel gives the transformed
        LR. One size for all transforms, also for 0, so that a batch stays a batch.

    Raises
    ------
    InvalidValueError
        The numbers of kernels and transforms differ, a transform is none, or K is not odd.
    """
    size = kernels_BKK.shape[-1]
    if kernels_BKK.shape != (len(transforms), size, size) or size % 2 == 0:
        raise InvalidValueError(
            f"kernels must be (B, K, K) with K odd and B = {len(transforms)} transforms, got "
            f"{tuple(kernels_BKK.shape)}"
        )
    wrong = [transform for transform in transforms if transform not in range(8)]
    if wrong:
        raise InvalidValueError(f"transforms must be 0 … 7, got {wrong[0]}")
    room = scale - 1
    around_phase_BKK = functional.pad(kernels_BKK, (0, room, 0, room))
    transformed = [
        _transformed(kernel, transform)
        for kernel, transform in zip(around_phase_BKK, transforms, strict=True)
    ]
    return functional.pad(torch.stack(transformed), (room, 0, room, 0))


def _transformed(kernel_KK: Tensor, transform: int) -> Tensor:
    transposed_KK = kernel_KK.T if transform & 4 else kernel_KK
    return transposed_KK.flip([axis for axis, bit in ((1, 1), (0, 2)) if transform & bit])
