"""RRDBNet once more, written straight from the paper and FIELD's names, to compare with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _act(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2)


class _Dense(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for k in range(5):
            out = growth if k < 4 else features
            setattr(self, f"conv{k + 1}", nn.Conv2d(features + k * growth, out, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x]
        for k in range(1, 5):
            outputs.append(_act(getattr(self, f"conv{k}")(torch.cat(outputs, 1))))
        return x + 0.2 * self.conv5(torch.cat(outputs, 1))


class _Block(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for m in (1, 2, 3):
            setattr(self, f"rdb{m}", _Dense(features, growth))

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class PlainRRDBNet(nn.Module):
    def __init__(self, *, scale: int, features: int, blocks: int, growth: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(12 if scale == 2 else 3, features, 3, 1, 1)
        self.body = nn.Sequential(*(_Block(features, growth) for _ in range(blocks)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            setattr(self, name, nn.Conv2d(features, features, 3, 1, 1))
        self.conv_last = nn.Conv2d(features, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.scale == 2:
            b, c, h, w = x.shape
            x = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
            x = x.reshape(b, 4 * c, h // 2, w // 2)
        first = self.conv_first(x)
        x = first + self.conv_body(self.body(first))
        for conv in (self.conv_up1, self.conv_up2):
            x = _act(conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
        return self.conv_last(_act(self.conv_hr(x)))
