"""The picture that ends the demo."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.kernels import crop_or_pad_kernel
from degrade.kernels.metrics import kernel_psnr
from degrade.metrics import psnr_of_error
from report.sheet import require_matplotlib

__all__ = ["DemoResults", "KernelComparison", "draw_demo", "psnr"]

_NOISE_GAIN = 8


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KernelComparison:
    """A kernel that is known and what was made of its photo.

    Attributes
    ----------
    truth, estimate : (K, K) float32 arrays
        K may differ.
    method : str
    expected_kpsnr : float
        dB; what the estimate was said to reach.
    """

    truth: FloatArray
    estimate: FloatArray
    method: str
    expected_kpsnr: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DemoResults:
    """What there is to see; images are (H, W, 3), float32 on [0, 1] or uint8.

    Attributes
    ----------
    photos : list of (name, image)
        What the camera took.
    kernels : list of KernelComparison
        In the order of the photos.
    noise : list of (P, P, 3) float32 residuals
    pairs : list of (LR, HR) uint8
    unseen_lr, bicubic, sr, truth : float32 images
        A photo that was not trained on: as the camera took it, enlarged by bicubic interpolation,
        by the trained model, and the scene itself.
    """

    photos: list[tuple[str, FloatArray]]
    kernels: list[KernelComparison]
    noise: list[FloatArray]
    pairs: list[tuple[U8Array, U8Array]]
    unseen_lr: FloatArray
    bicubic: FloatArray
    sr: FloatArray
    truth: FloatArray


def psnr(image: FloatArray, reference: FloatArray, *, border: int = 4) -> float:
    """Return the RGB peak signal-to-noise ratio in dB, ``border`` pixels left out on each side."""
    inside = slice(border, -border)
    error = image[inside, inside].astype(np.float64) - reference[inside, inside]
    return psnr_of_error(float(np.mean(error**2)), peak=1)


def draw_demo(results: DemoResults) -> bytes:
    """Return the picture as PNG.

    Raises
    ------
    MissingDependencyError
        matplotlib is not there.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [0.6, 3.0, 2.25, 1.95, 2.25, 3.9]
    figure = Figure(figsize=(13, sum(heights)), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    parts[0].text(0.02, 0.3, "From photos to pairs", fontsize=20, fontweight="bold")
    _draw_photos(parts[1], results)
    _draw_kernels(parts[2], results)
    _draw_noise(parts[3], results)
    _draw_pairs(parts[4], results)
    _draw_upscaling(parts[5], results)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _row(part: Any, title: str, count: int) -> Any:
    """Return ``count`` bare axes side by side under a title."""
    height = part.get_figure(root=True).get_figheight() * part.bbox.height / part.figure.bbox.height
    part.text(0.02, 1 - 0.24 / height, title, fontsize=12, va="center", color="#333333")
    axes = part.subplots(1, count, squeeze=False)[0]
    part.subplots_adjust(left=0.02, right=0.98, top=1 - 0.62 / height, bottom=0.04, wspace=0.05)
    for axis in axes:
        axis.set_axis_off()
    return axes


def _draw_photos(part: Any, results: DemoResults) -> None:
    axes = _row(part, "1  What the camera took: blurred and noisy photos", len(results.photos))
    for axis, (name, image) in zip(axes, results.photos, strict=True):
        axis.imshow(_centre(image, aspect=4 / 3), interpolation="nearest")
        axis.set_title(f"{name}, {image.shape[1]}×{image.shape[0]}", fontsize=9)


def _draw_kernels(part: Any, results: DemoResults) -> None:
    methods = ", ".join(sorted({kernel.method for kernel in results.kernels}))
    title = (
        f"2  Its blur, measured from those photos alone ({methods} method): true kernel and "
        "estimate, kernel PSNR reached and expected"
    )
    axes = _row(part, title, 2 * len(results.kernels))
    for index, kernel in enumerate(results.kernels):
        size = max(kernel.truth.shape[0], kernel.estimate.shape[0])
        top = float(max(kernel.truth.max(), kernel.estimate.max()))
        for axis, weights in zip(axes[2 * index :], (kernel.truth, kernel.estimate), strict=False):
            axis.imshow(crop_or_pad_kernel(weights, size), cmap="magma", vmin=0, vmax=top)
        axes[2 * index].set_title("true", fontsize=9)
        reached = kernel_psnr(kernel.estimate, kernel.truth)
        axes[2 * index + 1].set_title(
            f"{reached:.1f} dB, expected {kernel.expected_kpsnr:.1f}", fontsize=9
        )


def _draw_noise(part: Any, results: DemoResults) -> None:
    title = f"3  Its noise, collected from flat patches (×{_NOISE_GAIN}, around mid-grey)"
    axes = _row(part, title, len(results.noise))
    for axis, residual in zip(axes, results.noise, strict=True):
        axis.imshow(np.clip(0.5 + _NOISE_GAIN * residual, 0, 1), interpolation="nearest")
        axis.set_title(f"σ {255 * float(residual.std()):.1f}", fontsize=9)


def _draw_pairs(part: Any, results: DemoResults) -> None:
    title = "4  Training pairs: clean photos, and what that camera would have made of them"
    axes = _row(part, title, 2 * len(results.pairs))
    for index, (lr, hr) in enumerate(results.pairs):
        axes[2 * index].imshow(lr, interpolation="nearest")
        axes[2 * index].set_title("LR", fontsize=9)
        axes[2 * index + 1].imshow(hr, interpolation="nearest")
        axes[2 * index + 1].set_title("HR", fontsize=9)


def _draw_upscaling(part: Any, results: DemoResults) -> None:
    title = "5  A photo of that camera that nobody trained on, enlarged (a minute of training)"
    axes = _row(part, title, 4)
    shown: list[tuple[str, AnyArray]] = [
        ("the camera's photo", results.unseen_lr),
        (f"bicubic, {psnr(results.bicubic, results.truth):.2f} dB", results.bicubic),
        (f"trained on the pairs, {psnr(results.sr, results.truth):.2f} dB", results.sr),
        ("the scene", results.truth),
    ]
    for axis, (label, image) in zip(axes, shown, strict=True):
        axis.imshow(_centre(image, share=0.7), interpolation="nearest")
        axis.set_title(label, fontsize=9)


def _centre(image: AnyArray, *, share: float = 1.0, aspect: float = 1.0) -> AnyArray:
    """Cut the largest central window of an aspect (width over height), or a share of it."""
    height, width = image.shape[:2]
    rows = int(min(height, width / aspect) * share)
    columns = int(rows * aspect)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.clip(image[top : top + rows, left : left + columns], 0, 1)
