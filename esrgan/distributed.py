"""Several processes that compute one step together, each with its share of the batch.

``torchrun`` starts them; every process holds the same networks and gives the same gradients. What
is computed is what one process computes with the whole batch, up to rounding: gradients and losses
are means over equal shares, and what looks at a batch as a whole (BatchNorm, the relativistic
loss) is given the whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from degrade.errors import InvalidValueError

__all__ = ["ALONE", "SyncedBatchNorm2d", "World", "join_world", "synchronise_batch_norm"]

_PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: one of them may be writing a checkpoint."""


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run.

    Attributes
    ----------
    rank : int
        This process's number. Number 0 writes.
    size : int
    """

    rank: int = 0
    size: int = 1

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, in one exchange."""
        if self.size == 1 or not tensors:
            return
        joined = torch.cat([_widened(tensor.detach().flatten()) for tensor in tensors])
        distributed.all_reduce(joined)
        joined /= self.size
        parts = torch.split(joined, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.detach().copy_(part.view(tensor.shape))

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return every process's tensor, in the order of their numbers, without gradient."""
        own = tensor.detach().contiguous()
        if self.size == 1:
            return [own]
        every = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(every, own)
        return every

    def any(self, flag: bool, device: torch.device) -> bool:
        """Tell whether the flag is set in any process."""
        if self.size == 1:
            return flag
        number = torch.tensor(float(flag), device=device)
        distributed.all_reduce(number, distributed.ReduceOp.MAX)
        return bool(number)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()


ALONE = World()


@contextmanager
def join_world(device: str) -> Iterator[tuple[World, str]]:
    """Join the processes that ``torchrun`` has started, or be alone.

    Parameters
    ----------
    device : str
        With "cuda" each process gets a GPU of its own.

    Yields
    ------
    world : World
    device : str
        This process's.

    Raises
    ------
    InvalidValueError
        The processes cannot be joined.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        yield ALONE, device
        return
    cuda = device.startswith("cuda")
    if device == "cuda":
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidValueError(f"the processes of torchrun cannot be joined: {reason}") from None
    try:
        yield World(distributed.get_rank(), distributed.get_world_size()), device
    finally:
        distributed.destroy_process_group()


class _SumOverProcesses(torch.autograd.Function):
    """Σ over the processes of a tensor; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm whose statistics are those of all processes' shares together.

    PyTorch's own does not run on CPUs, so it could not be tested there. In evaluation mode it is
    the plain one; parameters, buffers and their names are always.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Normalise with the mean and the variance of the joined batch."""
        if not self.training:
            return super().forward(x_BCHW)
        with torch.autocast(x_BCHW.device.type, enabled=False):
            wide_BCHW = _widened(x_BCHW)
            count = wide_BCHW.numel() // wide_BCHW.shape[1] * distributed.get_world_size()
            mean_C = _all_sum(wide_BCHW.sum((0, 2, 3))) / count
            centred_BCHW = wide_BCHW - mean_C[:, None, None]
            variance_C = _all_sum(centred_BCHW.square().sum((0, 2, 3))) / count
            scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
            out_BCHW = centred_BCHW * scale_C[:, None, None] + self.bias[:, None, None]
        if self.running_mean is not None and self.running_var is not None:
            self._track(mean_C.detach(), variance_C.detach() * (count / (count - 1)))
        return out_BCHW.to(x_BCHW.dtype)

    @torch.no_grad()
    def _track(self, mean_C: Tensor, variance_C: Tensor) -> None:
        share = 0.1 if self.momentum is None else self.momentum
        for running_C, new_C in ((self.running_mean, mean_C), (self.running_var, variance_C)):
            if running_C is not None:
                running_C.lerp_(new_C, share)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


def _widened(tensor: Tensor) -> Tensor:
    """Return a half-precision tensor as float32, any other as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _all_sum(tensor: Tensor) -> Tensor:
    total: Tensor = _SumOverProcesses.apply(tensor)  # type: ignore[no-untyped-call]
    return total


def synchronise_batch_norm(network: nn.Module) -> None:
    """Give every BatchNorm of a network the statistics of all processes; in place.

    Each is replaced by a module that holds the same parameters and buffers.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                setattr(parent, name, _synced(child))


def _synced(plain: nn.BatchNorm2d) -> SyncedBatchNorm2d:
    synced = SyncedBatchNorm2d(
        plain.num_features,
        plain.eps,
        plain.momentum,
        plain.affine,
        plain.track_running_stats,
        device="meta",
    )
    # The tensors themselves, not copies: optimizers and averages may hold them already.
    for name, parameter in plain.named_parameters():
        setattr(synced, name, parameter)
    for name, buffer in plain.named_buffers():
        setattr(synced, name, buffer)
    return synced.train(plain.training)
