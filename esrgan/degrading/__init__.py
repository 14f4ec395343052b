"""Plans applied to many crops at once, in tensors on a CPU or a GPU."""

from esrgan.degrading.applying import apply_plans
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.table import BATCHED, BatchedStep

__all__ = ["BATCHED", "BatchInputs", "BatchedStep", "apply_plans"]
