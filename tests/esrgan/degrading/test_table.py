from __future__ import annotations

import pytest

from degrade.degradation.steps import Step
from esrgan.degrading import BATCHED

KNOWN = {
    "blur": ("kernel_id", "width_error", "coarse"),
    "linear-light": ("gain",),
    "response": ("taps",),
    "model-error": ("base", "slope", "seed", "spectrum"),
    "residual": ("noise_id", "top", "left", "quilt"),
    "rounding": (),
    "jpeg": ("luma", "chroma", "subsampling", "turned"),
}


@pytest.mark.parametrize("kind", BATCHED, ids=lambda kind: kind.kind)
def test_a_batched_form_knows_all_that_was_drawn(kind: type[Step]) -> None:
    """A step that is given another field needs its batched form changed, or taken out."""
    assert kind.__struct_fields__ == KNOWN[kind.kind]
