"""Training steps a second: our loop beside a plain float32 one with the same networks and losses.

    python -m benchmarks.training [--preset tiny] [--batch 8] [--patch 64] [--device cpu]
        [--precision auto] [--compile] [--workers 0] [--steps 4] [--rounds 5] [--scale 4]
        [--peak-tflops N] [--set KEY=VALUE] [--json FILE]

The plain loop is how the field's trainers run: eager, float32, images and weights channels first,
Adam as it comes. Ours has what the options ask for. Both take the same batches; blocks of their
steps are timed in turns, so that other work on the machine slows both, and medians are reported:
CPU time on CPUs, time on the wall on GPUs.

Floating point operations are counted from the shapes of the convolutions and products of one step,
forward and backward, as PyTorch dispatches them: a multiplication and an addition are two. MFU is
those a second over the device's peak: what its data sheet says for dense bfloat16 (float32 where
the step is computed in that), from --peak-tflops or the table below. The generator alone is timed
and counted forward and backward with an L1 loss.

"Waiting" is the share of the wall time of the whole loop in which it waited for its next batch,
read from a folder of pairs in HDF5 by --workers processes.

VGG19 has random weights here: they cost what the published ones cost.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.parts import write_json
from degrade.degradation import Pair
from degrade.pairs import ShardSpec, create_shard, write_shard_list
from degrade.rng import rng_for
from esrgan.data import PairDataset
from esrgan.losses import (
    ADVERSARIAL_LOSSES,
    FeatureNetwork,
    GaborFeatures,
    Judge,
    VGG19Features,
)
from esrgan.training.batches import Batch, read_batches
from esrgan.training.config import TrainingConfig
from esrgan.training.precision import computes_in_bf16, mixed_precision
from esrgan.training.state import TrainingState, create_state
from esrgan.training.step import training_step
from pipelines.training.plan import plan_stages

PEAK_TFLOPS = {
    # name in torch.cuda.get_device_name: dense bfloat16, float32 (of NVIDIA's data sheets)
    "H200": (989.0, 67.0),
    "H100 PCIe": (756.0, 51.0),
    "H100": (989.0, 67.0),
    "A100": (312.0, 19.5),
    "L40S": (362.0, 91.6),
    "L4": (121.0, 30.3),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}


def write_pairs(folder: Path, *, scale: int, patch: int, count: int = 64) -> None:
    """Write pairs of noise, half as large again as the crops."""
    side = (patch * 3 // 2) // scale
    rng = rng_for(0, "benchmark")
    with create_shard(folder, ShardSpec(0, "hdf5", scale, side * scale, "benchmark")) as shard:
        for number in range(count):
            hr = rng.integers(0, 256, (side * scale, side * scale, 3), np.uint8)
            shard.add(Pair(f"pair_{number:04d}", hr[::scale, ::scale].copy(), hr, None))
        shard.commit(sources=[], rejects=[])
    write_shard_list(folder, {"settings": {"noise": "none"}})


def reference_step(state: TrainingState, batch: Batch, config: TrainingConfig) -> None:
    """Take a step as the field's trainers do: the generator's, then the discriminator's."""
    lr_BCHW, hr_BCHW = batch.lr_BCHW.contiguous(), batch.hr_BCHW.contiguous()
    state.generator_optimizer.zero_grad()
    sr_BCHW = state.generator(lr_BCHW)
    judge = None if state.discriminator is None else Judge(state.discriminator)
    losses, total = state.loss(sr_BCHW, hr_BCHW, judge=judge)
    total.backward()
    state.generator_optimizer.step()
    logged = {name: loss.item() for name, loss in losses.items()}
    if state.discriminator is not None and state.discriminator_optimizer is not None:
        state.discriminator_optimizer.zero_grad()
        real, fake = state.discriminator(hr_BCHW), state.discriminator(sr_BCHW.detach())
        loss = ADVERSARIAL_LOSSES[config.adversarial_loss].discriminator(real, fake)
        loss.backward()
        state.discriminator_optimizer.step()
        logged["discriminator"] = loss.item()
    state.step += 1


def make_reference(state: TrainingState) -> None:
    """Undo what makes ours fast: memory format and fused optimizer."""
    for network in (state.generator, state.discriminator):
        if network is not None:
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        if optimizer is not None:
            optimizer.param_groups[0]["fused"] = None
            optimizer.defaults["fused"] = None


def count_flops(function: Callable[[], object]) -> int:
    """Return the floating point operations of convolutions and products that a call makes."""
    with FlopCounterMode(display=False) as counter:
        function()
    return int(counter.get_total_flops())


def generator_pass(state: TrainingState, network: nn.Module, batch: Batch) -> None:
    """Pass a batch through the generator and an L1 loss back."""
    with mixed_precision(state.bf16, state.device):
        sr_BCHW = network(batch.lr_BCHW)
    (sr_BCHW.float() - batch.hr_BCHW).abs().mean().backward()


def seconds_of(function: Callable[[], object], steps: int, device: torch.device) -> float:
    """Return the seconds of one of ``steps`` calls."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    _wait(device)
    start = clock()
    for _ in range(steps):
        function()
    _wait(device)
    return (clock() - start) / steps


def time_in_turns(
    calls: dict[str, Callable[[], object]], options: argparse.Namespace, device: torch.device
) -> dict[str, float]:
    """Return the median seconds of each call; the first round warms up and compiles."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(options.rounds + 1):
        for name, call in calls.items():
            seconds = seconds_of(call, options.steps if number else 1, device)
            if number:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def waiting_share(
    dataset: PairDataset, state: TrainingState, config: TrainingConfig, steps: int, workers: int
) -> float:
    """Return the share of the loop's time in which it waits for data."""
    waited = 0.0
    batches = read_batches(
        dataset, config, steps=range(steps + 2), device=state.device, workers=workers
    )
    for _ in range(2):  # the workers begin
        training_step(state, next(batches), config)
    _wait(state.device)
    start = time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        training_step(state, batch, config)
    _wait(state.device)
    return waited / (time.perf_counter() - start)


def peak_flops(device: torch.device, bf16: bool, given: float | None) -> float | None:
    """Return the peak that was given or is known; None for a device that is not."""
    if given is not None:
        return given * 1e12
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    known = next((peaks for part, peaks in PEAK_TFLOPS.items() if part in name), None)
    return None if known is None else known[0 if bf16 else 1] * 1e12


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure."""
    device = torch.device(options.device)
    config = plan_stages(
        stages=[options.preset],
        assignments=options.set or [],
        explicit={
            "batch_size": options.batch,
            "hr_patch": options.patch,
            "pixel_steps": 0,
            "precision": options.precision,
        },
    )[0].config
    bf16 = computes_in_bf16(config.precision, device)
    plain = replace(config, precision="fp32", accumulation=1, ema_decay=0.0)
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), scale=options.scale, patch=config.hr_patch)
        dataset = PairDataset(Path(folder), hr_patch=config.hr_patch, seed=0)
        batch = next(read_batches(dataset, config, steps=range(1), device=device))
        states = [
            create_state(
                each,
                scale=options.scale,
                seed=0,
                device=options.device,
                features=_features(config),
            )
            for each in (config, plain)
        ]
        ours, reference = states
        make_reference(reference)
        flops = {
            "step": count_flops(lambda: training_step(ours, batch, config)),
            "generator": count_flops(lambda: generator_pass(ours, ours.generator, batch)),
        }
        if options.compile:
            ours.compile()
        medians = time_in_turns(
            {
                "ours": lambda: training_step(ours, batch, config),
                "plain": lambda: reference_step(reference, batch, plain),
                "generator": lambda: generator_pass(ours, ours.generator_pass, batch),
            },
            options,
            device,
        )
        waiting = waiting_share(dataset, ours, config, options.steps, options.workers)
    peak = peak_flops(device, bf16, options.peak_tflops)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "preset": options.preset,
        "scale": options.scale,
        "batch": config.batch_size,
        "patch": config.hr_patch,
        "bf16": bf16,
        "compiled": options.compile,
        "threads": torch.get_num_threads(),
        "steps_per_second": {"ours": 1 / medians["ours"], "plain": 1 / medians["plain"]},
        "ratio": medians["plain"] / medians["ours"],
        "teraflops_per_step": {name: count / 1e12 for name, count in flops.items()},
        "mfu": None
        if peak is None
        else {
            "step": flops["step"] / medians["ours"] / peak,
            "generator": flops["generator"] / medians["generator"] / peak,
        },
        "waiting": waiting,
    }


def _features(config: TrainingConfig) -> FeatureNetwork | None:
    if config.needs_features is None:
        return None
    torch.manual_seed(0)
    return GaborFeatures() if config.content_features == "gabor" else VGG19Features()


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak-tflops", type=float)
    parser.add_argument("--set", action="append", metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure(options)
    print(json.dumps(figures, indent=1))
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
