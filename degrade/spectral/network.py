"""The network that reads a kernel off the features: its weights and its forward pass, in NumPy.

Each window is encoded on its own; the codes are pooled by their mean and by learned attention, and
joined with the photo's features. Out comes a kernel, as a mixture of an anisotropic Gaussian and
free taps in a basis of principal components, with the error to expect. ``kernelgan``'s
``spectral_training`` holds the same network in PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.kernels import phase_centre
from degrade.kernels.families import kernel_side
from degrade.spectral.features import SYMMETRIES
from degrade.spectral.measurement import CropFeatures

__all__ = [
    "Calibration",
    "KernelNetwork",
    "NetworkEnsemble",
    "Prediction",
    "embed",
    "symmetric_part",
]

_GAUSSIAN_BIAS = 2.0
_MEAN_SIGMA = 0.6  # LR pixels
_LARGEST_TURN = 4.0
_LARGEST_LOG = 6.0
_SMALLEST_SUM = 0.2
_ERROR_SCALE, _ERROR_OFFSET = 5.0, 47.0


def symmetric_part(kernel: npt.NDArray[np.float64], scale: int) -> npt.NDArray[np.float64]:
    """Return the (T, T) part of a (8·scale + 1)² kernel that is even around its phase centre."""
    first = _first(scale)
    return kernel[first:, first:]


def embed(part: FloatArray, scale: int) -> FloatArray:
    """Do the reverse of :func:`symmetric_part`, with zeros around."""
    first = _first(scale)
    return np.pad(part, ((first, 0), (first, 0)))


def _first(scale: int) -> int:
    side = kernel_side(scale)
    return round(2 * phase_centre(side, scale)) - (side - 1)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the network's own error estimate relates to real errors, measured on held-out photos.

    expected kPSNR = ``slope`` · raw + ``offset`` dB, with a standard deviation of ``spread`` dB.
    """

    slope: float = 1.0
    offset: float = 0.0
    spread: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the network says of one crop.

    Attributes
    ----------
    kernel : (T, T) float32 array
        Mean over members and symmetries, around the phase centre; sums to 1.
    expected_kpsnr : float
        dB, calibrated.
    disagreement : float
        Root of the mean squared distance of the single kernels from their mean, relative to it.
    """

    kernel: FloatArray
    expected_kpsnr: float
    disagreement: float


class KernelNetwork:
    """One trained network.

    Parameters
    ----------
    arrays : mapping of str to array
        As the training makes them; any float dtype.
    scale : int
    """

    def __init__(self, arrays: Mapping[str, FloatArray], *, scale: int) -> None:
        self.arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        self.scale = scale
        side = kernel_side(scale) - _first(scale)
        self._taps = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)

    def estimate(self, features: CropFeatures) -> tuple[FloatArray, FloatArray]:
        """Return the (4, T, T) kernels and (4,) raw error estimates of the four symmetries."""
        outputs, errors = self.forward(
            np.stack([features.windows[:, symmetry.window_order] for symmetry in SYMMETRIES]),
            np.stack([features.photo[symmetry.photo_order] for symmetry in SYMMETRIES]),
        )
        kernels = [
            symmetry.undo(self.compose(output))
            for symmetry, output in zip(SYMMETRIES, outputs, strict=True)
        ]
        return np.stack(kernels), errors

    def _linear(self, name: str, values: FloatArray) -> FloatArray:
        weight, bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
        product: FloatArray = values @ weight.T
        product += bias
        return product

    def forward(self, windows: FloatArray, photos: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Run the layers.

        Parameters
        ----------
        windows : (B, N, WINDOW_FEATURES) float32 array
        photos : (B, PHOTO_FEATURES) float32 array

        Returns
        -------
        outputs : (B, 4 + components) float32 array
            What :meth:`compose` takes.
        errors : (B,) float32 array
            The kPSNR that the network expects, raw.
        """
        arrays = self.arrays
        windows = windows - arrays["window_mean"]
        windows /= arrays["window_spread"]
        photos = (photos - arrays["photo_mean"]) / arrays["photo_spread"]
        codes = _relu(self._linear("encode2", _relu(self._linear("encode1", windows))))
        attention = self._linear("attend", codes)
        attention -= attention.max(axis=1, keepdims=True)
        np.exp(attention, out=attention)
        attention /= attention.sum(axis=1, keepdims=True)
        attended = (codes.swapaxes(1, 2) @ attention).reshape(len(codes), -1)
        look = _relu(self._linear("look", photos))
        joined = _relu(self._linear("join1", np.hstack([attended, codes.mean(axis=1), look])))
        joined = joined + _relu(self._linear("join2", joined))
        errors = _ERROR_SCALE * self._linear("error", joined)[:, 0] + _ERROR_OFFSET
        return self._linear("output", joined), errors

    def compose(self, output: FloatArray) -> FloatArray:
        """Return the kernel that the network's outputs describe.

        The first three are the logarithm of a covariance matrix, the fourth the Gaussian's share,
        the others coefficients of the basis.
        """
        size = np.clip(
            output[0] + 2 * np.log(_MEAN_SIGMA * self.scale), -_LARGEST_LOG, _LARGEST_LOG
        )
        turn = np.sqrt(output[1] ** 2 + output[2] ** 2 + 1e-8)
        bounded = min(turn, _LARGEST_TURN)
        even, odd = np.cosh(bounded), np.sinh(bounded) / turn
        # The inverse covariance: exp(-size) · exp(-[[q, r], [r, -q]]), columns before rows.
        columns, rows = self._taps[None, :], self._taps[:, None]
        exponent = (
            (even - odd * output[1]) * columns**2
            - 2 * odd * output[2] * rows * columns
            + (even + odd * output[1]) * rows**2
        )
        # Relative to the nearest taps, so that a Gaussian narrower than any tap is still one.
        gaussian = np.exp(-0.5 * np.exp(-size) * (exponent - exponent.min()))
        gaussian /= gaussian.sum()
        share = 1 / (1 + np.exp(-(output[3] + _GAUSSIAN_BIAS)))
        free = output[4:] @ self.arrays["basis"] + self.arrays["mean_kernel"]
        kernel = share * gaussian + (1 - share) * free.reshape(gaussian.shape)
        kernel /= max(kernel.sum(), _SMALLEST_SUM)
        return np.asarray(kernel, np.float32)


def _relu(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0, out=values)


class NetworkEnsemble:
    """Networks for one scale, whose answers are averaged.

    Parameters
    ----------
    members : sequence of KernelNetwork
    calibration : Calibration
        Of their common answer.
    """

    def __init__(self, members: Sequence[KernelNetwork], *, calibration: Calibration) -> None:
        self.members = tuple(members)
        self.calibration = calibration
        self.scale = members[0].scale

    def predict(self, features: CropFeatures) -> Prediction:
        """Estimate the kernel of a crop: the mean over members and symmetries."""
        answers = [member.estimate(features) for member in self.members]
        kernels = np.concatenate([kernel for kernel, _ in answers])
        raw = float(np.mean([errors for _, errors in answers]))
        kernel = kernels.mean(axis=0)
        distance = np.square(kernels - kernel).sum(axis=(1, 2)).mean()
        return Prediction(
            kernel=kernel,
            expected_kpsnr=self.calibration.slope * raw + self.calibration.offset,
            disagreement=float(np.sqrt(distance / np.square(kernel).sum())),
        )
