from __future__ import annotations

import torch

from esrgan.data.samples import turned, turned_together


def test_turned_gives_the_eight_symmetries_on_a_cpu_and_as_a_gpu_would() -> None:
    images = torch.arange(8 * 5 * 5 * 3).reshape(8, 5, 5, 3).to(torch.uint8)
    found = turned(images, range(8))
    for turn, (image, made) in enumerate(zip(images, found, strict=True)):
        wanted = image.transpose(0, 1) if turn & 4 else image
        wanted = wanted.flip(1) if turn & 1 else wanted
        assert torch.equal(made, wanted.flip(0) if turn & 2 else wanted)
    assert torch.equal(turned_together(images, range(8)), found)
