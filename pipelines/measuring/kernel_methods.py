"""The methods that estimate a photo's kernel, behind one interface.

Only what a method needs is loaded, when it runs: the spectral one never imports PyTorch.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from degrade.disk.files import read_file
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, scale_to_json
from degrade.images.image_io import Photo
from degrade.kernels.estimates import KernelEstimate, UnsuitablePhotoError
from degrade.pool import Findings
from degrade.pool.findings import FoundObject
from degrade.pool.kernel_estimates import flags_of, values_of
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto

if TYPE_CHECKING:
    from kernelgan import KernelGANConfig

__all__ = ["EstimationMethod", "KernelFindings", "KernelGANMethod", "SpectralMethod"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KernelFindings(Findings):
    """The findings of an estimate, and that itself."""

    estimate: KernelEstimate


class EstimationMethod(Measurement, Protocol):
    """A measurement of the kernel; all methods give findings of one kind."""

    @property
    def name(self) -> str:
        """What the pool calls the method."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """Everything, besides the photo, that decides a kernel; JSON can hold it."""
        ...

    @property
    def spread(self) -> float:
        """The standard deviation of real around expected kernel PSNR, dB."""
        ...

    def estimate(self, photo: Photo, source: str) -> KernelEstimate:
        """Estimate a kernel; ``source`` is the photo's name.

        Raises
        ------
        UnsuitablePhotoError
            There is no kernel to be had from this photo.
        """
        ...

    @property
    def kind(self) -> str:
        """What the pool calls the measurement."""
        return "kernel"

    def measure(self, photo: OpenPhoto) -> KernelFindings:
        """Estimate the kernel of a photo."""
        estimate = self.estimate(photo.photo, photo.scanned.name)
        return KernelFindings(
            kind=self.kind,
            settings=self.settings,
            values={**estimate.statistics, "expected_kpsnr": estimate.expected_kpsnr},
            flags=flags_of(estimate),
            confidence=estimate.confidence,
            objects=(FoundObject(estimate.kernel, estimate.method, values_of(estimate)),),
            estimate=estimate,
        )


@dataclass(frozen=True, slots=True)
class SpectralMethod(EstimationMethod):
    """:func:`degrade.spectral.estimate_kernel`. It draws no random numbers."""

    scale: Scale

    @property
    def name(self) -> str:
        """The text ``spectral``."""
        return "spectral"

    @property
    def settings(self) -> dict[str, Any]:
        """The scale, and a hash of what comes with the package: weights, and what is usual."""
        from degrade.spectral.weights import network_scale

        weights = _weights_digest(network_scale(self.scale))
        return {"method": self.name, "scale": scale_to_json(self.scale), "weights": weights}

    @property
    def spread(self) -> float:
        """As measured when the weights were calibrated."""
        from degrade.spectral.weights import network_for

        return network_for(self.scale).calibration.spread

    def seconds_for(self, pixels: int) -> float:
        """Return the time of starting, and that of each pixel: decoding and a transform."""
        return 0.025 + 6e-8 * pixels

    def estimate(self, photo: Photo, source: str) -> KernelEstimate:
        """Estimate a kernel from the spectrum of the photo's windows."""
        from degrade.spectral import estimate_kernel

        try:
            return estimate_kernel(photo.as_u8(), self.scale, source=source)
        except InvalidValueError as error:  # what comes of a test pattern may be no kernel at all
            reason = f"its estimate is no kernel ({error})"
            raise UnsuitablePhotoError(source, reason, "use a photo of a real scene") from None


@cache
def _weights_digest(scale: int) -> str:
    """Return the first 16 hex digits of the sha256 of the files that decide on an estimate.

    They are those of the weights, and of what is usual, which lowers confidences.
    """
    from degrade.spectral.usual import load_usual, usual_file
    from degrade.spectral.weights import load_network, weights_file

    load_network(scale)  # these say what is wrong if a file is missing or damaged
    load_usual()
    digest = hashlib.sha256()
    for file in (weights_file(scale), usual_file()):
        with resources.as_file(file) as path:
            digest.update(read_file(path))
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class KernelGANMethod(EstimationMethod):
    """:func:`kernelgan.estimate_kernels`, a photo at a time."""

    config: KernelGANConfig
    seed: int
    device: str

    @property
    def name(self) -> str:
        """The text ``kernelgan``."""
        return "kernelgan"

    @property
    def settings(self) -> dict[str, Any]:
        """The seed, all settings of the training, and a hash of what rates its kernels."""
        from degrade.spectral.weights import network_scale

        weights = _weights_digest(network_scale(self.config.scale))
        return {"method": self.name, "seed": self.seed, **asdict(self.config), "rated_by": weights}

    @property
    def spread(self) -> float:
        """That of the spectral method, which rates these kernels too."""
        # What to expect of its kernels is read off the photo in the same way.
        return SpectralMethod(self.config.scale).spread

    def check_device(self) -> None:
        """Ask PyTorch for any device but the CPU."""
        if self.device != "cpu":  # which is there, and asking loads PyTorch
            import kernelgan

            kernelgan.estimate_kernels([], self.config, keys=[], seed=0, device=self.device)

    def seconds_for(self, pixels: int) -> float:
        """Return the time of the training, whatever the photo's size."""
        return 0.007 * self.config.iterations

    def estimate(self, photo: Photo, source: str) -> KernelEstimate:
        """Train KernelGAN on the photo."""
        import kernelgan

        try:
            (estimate,) = kernelgan.estimate_kernels(
                [photo.as_float()],
                self.config,
                keys=[photo.sha256],
                seed=self.seed,
                device=self.device,
            )
        except UnsuitablePhotoError as error:  # it knows the photo by its hash alone
            raise UnsuitablePhotoError(source, error.reason, error.remedy) from None
        return estimate
