"""Enlarging whole images with a generator, tile by tile, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.rng import rng_for
from esrgan.devices import tile_memory
from esrgan.networks import Generator
from esrgan.upscaling.tiling import Tiler, parts

__all__ = ["Upscaler", "upscale"]

_Box: TypeAlias = tuple[int, int, int, int]
"""Top, bottom, left and right in LR pixels."""


class Upscaler:
    """A generator made ready to enlarge images of any size.

    Parameters
    ----------
    network : Generator
        Moved to ``device``; computes in evaluation mode.
    tiler : Tiler
        Takes smaller tiles once the device was out of memory.
    device : str
    half : torch.dtype or None
        float16 or bfloat16: convolutions are computed in it. A tile that is not finite then is
        computed again in float32.
    sample : int
        Which noise a network is given that takes some besides RGB: another number, another
        plausible result.
    flips : bool
        Average over the eight transforms of the dihedral group.
    mirror : int
        So many LR pixels are mirrored beyond the ends of an image, and cut away afterwards: what a
        network draws beside nothing, which is zeros to its convolutions, is not shown.

    References
    ----------
    Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
    §3.4, for the self-ensemble. Here, every tile is transformed in itself; sides that are no
    multiple of the network's blocks are padded before.
    """

    def __init__(
        self,
        network: Generator,
        tiler: Tiler,
        *,
        device: str = "cpu",
        half: torch.dtype | None = None,
        sample: int = 0,
        flips: bool = False,
        mirror: int = 0,
    ) -> None:
        # Convolutions are up to three times as fast so, and need less memory (measured on CPUs).
        self.network: Generator = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._tiler = tiler
        self._device = torch.device(device)
        self._half = half
        self._flips = flips
        self._sample = sample
        # Blocks of pixels stay where they are.
        self._mirror = mirror + -mirror % network.lr_multiple
        self._noise: FloatArray | None = None
        self._covered = self._seen = 0

    @property
    def cost(self) -> float:
        """How many times the pixels of the images so far the tiles have seen; 1: none was cut."""
        return self._seen / self._covered if self._covered else 1.0

    def enlarged(self, pixels: AnyArray) -> AnyArray:
        """Return the whole enlarged image, of the same type; see :meth:`bands`."""
        return np.concatenate(list(self.bands(pixels, pixels.dtype.type)))

    def bands(
        self,
        pixels: AnyArray,
        dtype: type[np.uint8 | np.uint16 | np.float32],
        *,
        on_tile: Callable[[int], None] | None = None,
    ) -> Iterator[AnyArray]:
        """Yield the enlarged image from top to bottom, a row of tiles at a time.

        Parameters
        ----------
        pixels : (H, W, 3) array
            RGB: uint8 or uint16 on the full range of the type, or float32 on [0, 1].
        dtype : type
            Of the result, which is rounded once.
        on_tile : callable or None
            Called after each tile with the LR pixels that it covers.

        Yields
        ------
        (h, scale·W, 3) array of ``dtype``

        Raises
        ------
        InvalidValueError
            The image has another shape or type.
        DegradeError
            There is too little memory for the smallest tile, or the result is not finite.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise InvalidValueError(f"an image must be (H, W, 3), got {pixels.shape}")
        if pixels.dtype not in (np.uint8, np.uint16, np.float32):
            raise InvalidValueError(f"pixels of {pixels.dtype} are not known here")
        height, width = pixels.shape[:2]
        scale, multiple = self.network.scale, self.network.lr_multiple
        channels = self.network.in_channels - pixels.shape[2]
        if channels > 0:  # of the whole image, so that tiles see what they would see in it
            rng = rng_for(self._sample, "sample")
            noise = rng.standard_normal((height, width, channels), dtype=np.float32)
            self._noise = self._mirrored(noise)
        pixels, beside = self._mirrored(pixels), self._mirror
        tile = self._tiler.tiling_for(*pixels.shape[:2]).height
        for top, bottom in parts(height, tile, multiple):
            band = np.empty((scale * (bottom - top), scale * width, 3), dtype)
            box = (beside + top, beside + bottom, beside, beside + width)
            for area in self._fill(band, pixels, box):
                if on_tile:
                    on_tile(area)
            yield band

    def _mirrored(self, pixels: AnyArray) -> AnyArray:
        beside = (self._mirror, self._mirror)
        return np.pad(pixels, (beside, beside, (0, 0)), mode="reflect") if self._mirror else pixels

    def _fill(self, target: AnyArray, pixels: AnyArray, box: _Box) -> Iterator[int]:
        """Compute a box of the image into ``target``; yield the LR pixels of each tile."""
        top, bottom, left, right = box
        tiling = self._tiler.tiling_for(*pixels.shape[:2])
        if bottom - top <= tiling.height and right - left <= tiling.width:
            sr = self._enlarged(pixels, box, tiling.overlap, target.dtype)
            if sr is not None:
                target[...] = sr
                yield (bottom - top) * (right - left)
            elif self._tiler.shrink(tiling):
                yield from self._fill(target, pixels, box)
            else:
                raise DegradeError(
                    f"out of memory with tiles of {tiling.height}×{tiling.width} pixels; free "
                    "some, or use another `device`"
                )
            return
        multiple, scale = self.network.lr_multiple, self.network.scale
        for first, last in parts(bottom - top, tiling.height, multiple):
            for before, after in parts(right - left, tiling.width, multiple):
                part = target[scale * first : scale * last, scale * before : scale * after]
                inner = (top + first, top + last, left + before, left + after)
                yield from self._fill(part, pixels, inner)

    def _enlarged(
        self, pixels: AnyArray, box: _Box, overlap: int, dtype: np.dtype[np.generic]
    ) -> AnyArray | None:
        """Return a box enlarged; None when there is too little memory for it."""
        try:
            with torch.inference_mode():
                return self._compute(pixels, box, overlap, dtype)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        # Here, not above: there, the error still held on to what was computed.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _compute(
        self, pixels: AnyArray, box: _Box, overlap: int, dtype: np.dtype[np.generic]
    ) -> AnyArray:
        top, bottom, left, right = box
        scale = self.network.scale
        spaces = (top, pixels.shape[0] - bottom, left, pixels.shape[1] - right)
        # Where the image ends, all that is mirrored is seen.
        ends = [space if space <= self._mirror else 0 for space in spaces]
        above, below, before, after = (
            end or min(space, overlap) for space, end in zip(spaces, ends, strict=True)
        )
        window_box = slice(top - above, bottom + below), slice(left - before, right + after)
        window = pixels[window_box]
        self._covered += (bottom - top + sum(ends[:2])) * (right - left + sum(ends[2:]))
        self._seen += window.shape[0] * window.shape[1]
        noise = None if self._noise is None else self._noise[window_box]
        sr_CHW = self._pass(self._to_tensor(window, noise))[0].clamp_(0, 1)
        rows = slice(scale * above, scale * (above + bottom - top))
        columns = slice(scale * before, scale * (before + right - left))
        sr_HWC = sr_CHW[:, rows, columns].permute(1, 2, 0)
        if dtype != np.float32:
            levels = (sr_HWC * float(np.iinfo(dtype.name).max)).round_()
            sr_HWC = levels.to(getattr(torch, dtype.name))
        sr: AnyArray = sr_HWC.cpu().numpy()
        return sr

    def _to_tensor(self, window: AnyArray, noise: FloatArray | None) -> Tensor:
        missing = [(0, -side % self.network.lr_multiple) for side in window.shape[:2]]
        peak = 1 if window.dtype == np.float32 else np.iinfo(window.dtype).max
        image = np.pad(window, (*missing, (0, 0)), mode="reflect").astype(np.float32)
        image /= np.float32(peak)
        if noise is not None:
            padded = np.pad(noise, (*missing, (0, 0)), mode="reflect")
            image = np.concatenate([image, padded], axis=2)
        lr_BCHW = torch.from_numpy(image).permute(2, 0, 1)[None]
        return lr_BCHW.to(self._device).contiguous(memory_format=torch.channels_last)

    def _pass(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR in float32, and finite."""
        if self._half is not None:
            with torch.autocast(self._device.type, dtype=self._half):
                sr_BCHW = self._ensemble(lr_BCHW)
            if bool(torch.isfinite(sr_BCHW).all()):
                return sr_BCHW
        with _full_precision(self._device):
            sr_BCHW = self._ensemble(lr_BCHW)
        if not bool(torch.isfinite(sr_BCHW).all()):
            raise DegradeError("the network makes NaN or infinity of an image; use other weights")
        return sr_BCHW

    def _ensemble(self, lr_BCHW: Tensor) -> Tensor:
        if not self._flips:
            return self._by_parts(lr_BCHW)
        total = torch.zeros(())
        for turns in range(4):
            for mirror in (False, True):
                turned = torch.rot90(lr_BCHW.flip(3) if mirror else lr_BCHW, turns, (2, 3))
                sr_BCHW = torch.rot90(self._by_parts(turned), -turns, (2, 3))
                sr_BCHW = sr_BCHW.flip(3) if mirror else sr_BCHW
                total = total.to(sr_BCHW) + sr_BCHW
        return total / 8

    def _by_parts(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR in float32: the trunk sees all, the tail parts, which is the same.

        What the tail needs for each LR pixel is several times what the trunk needs, and it sees
        only a few pixels far.
        """
        network, (height, width) = self.network, lr_BCHW.shape[2:]
        side = self._tiler.tail_side(height * width)
        if max(height, width) <= side:
            whole_BCHW: Tensor = network(lr_BCHW).float()
            return whole_BCHW
        features_BCHW = network.trunk(lr_BCHW)
        scale, block, margin = network.scale, network.lr_multiple, network.tail_radius
        sr_BCHW = lr_BCHW.new_empty((1, network.out_channels, scale * height, scale * width))
        for top, bottom in parts(height, side, block):
            for left, right in parts(width, side, block):
                above, before = max(0, top - margin), max(0, left - margin)
                part_BCHW = network.tail(
                    features_BCHW[
                        ...,
                        above // block : (bottom + margin) // block,
                        before // block : (right + margin) // block,
                    ],
                    lr_BCHW[..., above : bottom + margin, before : right + margin],
                )
                y, x = scale * (top - above), scale * (left - before)
                rows, columns = scale * (bottom - top), scale * (right - left)
                sr_BCHW[..., scale * top : scale * bottom, scale * left : scale * right] = (
                    part_BCHW[..., y : y + rows, x : x + columns]
                )
        return sr_BCHW


def _full_precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Return a region in which a GPU does not round float32 to TensorFloat-32."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    flags: contextlib.AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, allow_tf32=False
    )
    return flags


def _is_out_of_memory(error: RuntimeError) -> bool:
    # CPUs have no kind of error for it.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def upscale(
    pixels: AnyArray,
    generator: Generator,
    *,
    tile: int | None = None,
    overlap: int | None = None,
    mirror: int = 0,
    device: str = "cpu",
) -> AnyArray:
    """Enlarge an image by the generator's scale.

    Parameters
    ----------
    pixels : (H, W, 3) array
        RGB: uint8 or uint16 on the full range of the type, or float32 on [0, 1].
    generator : Generator
        Moved to ``device`` and left in evaluation mode.
    tile, overlap : int or None
        See :class:`esrgan.upscaling.tiling.Tiler`. None: a tile is as large as the device's memory
        allows, and the overlap is measured, once for all images that these weights enlarge.
    mirror : int
        See :class:`Upscaler`.
    device : str

    Returns
    -------
    (scale·H, scale·W, 3) array of the same type
        Integers are rounded once.

    Raises
    ------
    InvalidValueError
        The image has another shape or type, or a size is out of range.
    """
    memory = tile_memory(device, None)
    tiler = Tiler(generator, tile=tile, overlap=overlap, memory=memory)
    return Upscaler(generator, tiler, device=device, mirror=mirror).enlarged(pixels)
