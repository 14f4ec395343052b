"""Training the network on samples and measuring how far its own error estimate can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from degrade.arrays import FloatArray
from degrade.kernels.estimates import KPSNR_TAPS
from degrade.spectral.features import SYMMETRIES, Symmetry
from degrade.spectral.network import Calibration, KernelNetwork, NetworkEnsemble
from spectral_training.network import NetworkSize, TrainableNetwork
from spectral_training.samples import FAMILY_SHARES, Samples

__all__ = ["FitConfig", "Report", "as_ensemble", "fit_network", "measure_networks"]

_ERROR_WEIGHT = 0.5
_CLIP = 10.0
_WINDOWS = 56
_BATCH_OF_ALL = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """The settings of a training.

    Attributes
    ----------
    floor : float
        Added to a kernel's squared error, relative to the kernel's sum of squares: greater accuracy
        earns next to nothing. 0.25²/3 is the energy of DIV2KRK's noise on the taps, which nothing
        can tell; a larger one asks for safer answers where the photo leaves doubt.
    """

    scale: int
    floor: float = 0.25**2 / 3
    epochs: int = 16
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """How a network does on samples: mean kPSNR in dB, by family too, and its calibration."""

    kpsnr: float
    by_family: dict[str, float]
    rank_correlation: float
    calibration: Calibration


def fit_network(
    samples: Samples,
    held_out: Samples,
    config: FitConfig,
    *,
    size: NetworkSize | None = None,
    start: TrainableNetwork | None = None,
    on_epoch: Callable[[dict[str, object], TrainableNetwork], None],
) -> TrainableNetwork:
    """Train a network; its loss is the expected kPSNR, and beside it learns its own error.

    Parameters
    ----------
    samples, held_out : Samples
    config : FitConfig
    size : NetworkSize or None
    start : TrainableNetwork or None
        A network trained before, which is trained on; a new one of ``size`` when None.
    on_epoch : callable
        Called with the figures of each epoch, and the network as it stands then.
    """
    size = size or NetworkSize()
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    network = start or TrainableNetwork(
        size,
        scale=config.scale,
        side=samples.smooth.shape[-1],
        constants=_constants(samples, size.components),
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = len(samples.counts) // config.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, config.epochs * steps, pct_start=0.08
    )
    for epoch in range(1, config.epochs + 1):
        order = rng.permutation(len(samples.counts))[: steps * config.batch]
        total = 0.0
        for chosen in order.reshape(steps, config.batch):
            symmetry = SYMMETRIES[rng.integers(len(SYMMETRIES))]
            batch = _draw_batch(samples, chosen, symmetry, rng)
            loss, gain = _losses(network, batch, config.floor)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            total += gain
        figures: dict[str, object] = {"epoch": epoch, "training_kpsnr": round(total / steps, 3)}
        if epoch % 4 == 0 or epoch == config.epochs:
            figures["held_out"] = asdict(measure_networks([network], held_out))
        on_epoch(figures, network)
    return network


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    windows: Tensor
    mask: Tensor
    photos: Tensor
    smooth: Tensor
    weights: Tensor


def _losses(network: TrainableNetwork, batch: _Batch, floor: float) -> tuple[Tensor, float]:
    """Return the loss, and its part that is a kernel PSNR."""
    kernels, expected = network(batch.windows, batch.mask, batch.photos)
    error = (kernels - batch.smooth).square().sum(dim=(1, 2))
    error = error + floor * batch.smooth.square().sum(dim=(1, 2))
    kpsnr = -10 * torch.log10(error / KPSNR_TAPS).mean()
    own = F.smooth_l1_loss(expected, kernel_psnr_BTT(kernels.detach(), batch.weights))
    return -kpsnr + _ERROR_WEIGHT * own, kpsnr.item()


def _draw_batch(
    samples: Samples, chosen: npt.NDArray[np.int64], symmetry: Symmetry, rng: np.random.Generator
) -> _Batch:
    windows, mask = _draw_windows(samples, chosen, rng)
    smooth, weights = (
        torch.from_numpy(symmetry.apply(kernels[chosen]).copy())
        for kernels in (samples.smooth, samples.weights)
    )
    photos = torch.from_numpy(samples.photos[chosen][:, symmetry.photo_order])
    return _Batch(windows[..., symmetry.window_order], mask, photos, smooth, weights)


def _draw_windows(
    samples: Samples, chosen: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Show the network a random part of each sample's windows, half of the time few of them."""
    places = np.zeros((len(chosen), _WINDOWS), np.int64)
    mask = np.zeros((len(chosen), _WINDOWS), bool)
    for row, count in enumerate(samples.counts[chosen]):
        shown = min(int(count), _WINDOWS)
        if rng.random() < 0.5:
            shown = max(1, int(shown * rng.uniform(0.4, 1)))
        places[row, :shown] = rng.permutation(count)[:shown]
        mask[row, :shown] = True
    windows = samples.windows[chosen[:, None], places].astype(np.float32)
    return torch.from_numpy(windows), torch.from_numpy(mask)


def kernel_psnr_BTT(kernels: Tensor, truth: Tensor) -> Tensor:
    """Return the (B,) kPSNR of (B, T, T) kernels that are aligned already, in dB."""
    return -10 * torch.log10((kernels - truth).square().sum(dim=(1, 2)) / KPSNR_TAPS + 1e-12)


def _constants(samples: Samples, components: int) -> dict[str, Tensor]:
    """Return the mean and spread of all features, the same from all sides, and the basis."""
    some = slice(None, None, max(1, len(samples.counts) // 2000))
    shown = np.arange(samples.windows.shape[1]) < samples.counts[some, None]
    constants = {}
    for name, values in (
        ("window", samples.windows[some][shown].astype(np.float32)),
        ("photo", samples.photos),
    ):
        orders = [getattr(symmetry, f"{name}_order") for symmetry in SYMMETRIES]
        for statistic, value in (("mean", values.mean(0)), ("spread", values.std(0) + 0.05)):
            even = np.mean([value[order] for order in orders], axis=0)
            constants[f"{name}_{statistic}"] = torch.from_numpy(even.astype(np.float32))
    kernels = (samples.smooth + samples.smooth[:, ::-1, ::-1]).reshape(len(samples.counts), -1) / 2
    mean = kernels.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((kernels - mean).T.astype(np.float64)))
    basis = 0.1 * vectors[:, : -components - 1 : -1].T
    constants["mean_kernel"] = torch.from_numpy(mean)
    constants["basis"] = torch.from_numpy(np.ascontiguousarray(basis, np.float32))
    return constants


def measure_networks(networks: Sequence[TrainableNetwork], samples: Samples) -> Report:
    """Measure the mean answer of networks on samples, with all windows and from all four sides."""
    kernels, raw = _predict(networks, samples)
    real = kernel_psnr_BTT(torch.from_numpy(kernels), torch.from_numpy(samples.weights)).numpy()
    line = stats.linregress(raw, real)
    spread = float(np.std(real - (line.slope * raw + line.intercept)))
    return Report(
        kpsnr=float(real.mean()),
        by_family={
            name: round(float(real[samples.families == index].mean()), 2)
            for index, name in enumerate(FAMILY_SHARES)
            if (samples.families == index).any()
        },
        rank_correlation=float(stats.spearmanr(raw, real).statistic),
        calibration=Calibration(float(line.slope), float(line.intercept), spread),
    )


def _predict(
    networks: Sequence[TrainableNetwork], samples: Samples
) -> tuple[FloatArray, FloatArray]:
    kernels, errors = [], []
    for start in range(0, len(samples.counts), _BATCH_OF_ALL):
        part = slice(start, start + _BATCH_OF_ALL)
        windows = torch.from_numpy(samples.windows[part].astype(np.float32))
        mask = torch.from_numpy(np.arange(windows.shape[1]) < samples.counts[part, None])
        photos = torch.from_numpy(samples.photos[part])
        seen = []
        for network, symmetry in product(networks, SYMMETRIES):
            with torch.no_grad():
                kernel, error = network(
                    windows[..., symmetry.window_order], mask, photos[:, symmetry.photo_order]
                )
            seen.append((symmetry.undo(kernel.numpy()), error.numpy()))
        kernels.append(np.mean([kernel for kernel, _ in seen], axis=0))
        errors.append(np.mean([error for _, error in seen], axis=0))
    return np.concatenate(kernels), np.concatenate(errors)


def as_ensemble(networks: Sequence[TrainableNetwork], calibration: Calibration) -> NetworkEnsemble:
    """Return the networks as the package uses them."""
    members = [
        KernelNetwork(
            {name: tensor.numpy() for name, tensor in network.state_dict().items()},
            scale=network.scale,
        )
        for network in networks
    ]
    return NetworkEnsemble(members, calibration=calibration)
