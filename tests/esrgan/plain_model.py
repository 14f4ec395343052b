"""The generators once more, written from the papers with the names of published weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _act(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2)


def _conv(cin: int, cout: int, size: int = 3, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, size, 1, size // 2, bias=bias)


class _Dense(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for k in range(5):
            out = growth if k < 4 else features
            setattr(self, f"conv{k + 1}", _conv(features + k * growth, out))

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
        self.unshuffle = {1: 4, 2: 2, 3: 1, 4: 1}[scale]
        self.conv_first = _conv(3 * self.unshuffle**2, features)
        self.body = nn.Sequential(*(_Block(features, growth) for _ in range(blocks)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            if (scale, name) != (3, "conv_up2"):
                setattr(self, name, _conv(features, features))
        self.conv_last = _conv(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        u = self.unshuffle
        b, c, h, w = x.shape
        x = x.view(b, c, h // u, u, w // u, u).permute(0, 1, 3, 5, 2, 4)
        first = self.conv_first(x.reshape(b, u * u * c, h // u, w // u))
        x = first + self.conv_body(self.body(first))
        stages = [("conv_up1", 3)] if self.scale == 3 else [("conv_up1", 2), ("conv_up2", 2)]
        for name, s in stages:
            x = _act(getattr(self, name)(x.repeat_interleave(s, 2).repeat_interleave(s, 3)))
        return self.conv_last(_act(self.conv_hr(x)))


def _shuffle(x: Tensor, s: int) -> Tensor:
    b, c, h, w = x.shape
    x = x.view(b, c // s**2, s, s, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(b, c // s**2, h * s, w * s)


class _MSBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(features, features), _conv(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(torch.relu(self.conv1(x)))


class PlainMSRResNet(nn.Module):
    """With the names of BasicSR."""

    def __init__(self, *, scale: int, features: int, blocks: int) -> None:
        super().__init__()
        self.scale = scale
        self.steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
        self.conv_first = _conv(3, features)
        self.body = nn.Sequential(*(_MSBlock(features) for _ in range(blocks)))
        for n, s in enumerate(self.steps, 1):
            setattr(self, f"upconv{n}", _conv(features, features * s * s))
        self.conv_hr = _conv(features, features)
        self.conv_last = _conv(features, 3)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.body(functional.leaky_relu(self.conv_first(lr), 0.1))
        for n, s in enumerate(self.steps, 1):
            x = functional.leaky_relu(_shuffle(getattr(self, f"upconv{n}")(x), s), 0.1)
        x = self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.1))
        return x + nn.Upsample(scale_factor=self.scale, mode="bilinear")(lr)


class _RCB(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.rcb = nn.Sequential(
            _conv(features, features, bias=False),
            nn.BatchNorm2d(features),
            nn.PReLU(),
            _conv(features, features, bias=False),
            nn.BatchNorm2d(features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rcb(x)


class _Up(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.upsample_block = nn.Sequential(
            _conv(features, 4 * features), nn.PixelShuffle(2), nn.PReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample_block(x)


class PlainSRResNet(nn.Module):
    """Figure 4 of the SRGAN paper for ×4, with the names of SRGAN-PyTorch."""

    def __init__(self, *, features: int, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(_conv(3, features, 9), nn.PReLU())
        self.trunk = nn.Sequential(*(_RCB(features) for _ in range(blocks)))
        self.conv2 = nn.Sequential(_conv(features, features, bias=False), nn.BatchNorm2d(features))
        self.upsampling = nn.Sequential(_Up(features), _Up(features))
        self.conv3 = _conv(features, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(x)
        return self.conv3(self.upsampling(first + self.conv2(self.trunk(first))))
