"""A network made ready to enlarge photos into files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import InputError, InvalidValueError
from degrade.images.colour import is_for_colour
from degrade.images.image_io import Photo, to_u8
from degrade.images.image_rows import ROW_FORMATS, RowLayout, open_rows
from degrade.images.sources import hash_file
from esrgan.devices import choose_device, half_type, tile_memory
from esrgan.networks import Generator, SRResNet, fold_batch_norm
from esrgan.upscaling.alpha_and_gray import enlarge_channel, fill_transparent, to_gray
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler
from esrgan.weights.files import read_weights
from esrgan.weights.finding import find_weights
from esrgan.weights.identification import NetworkSpec, network_from_state_dict
from esrgan.weights.interpolation import interpolate_weights
from pipelines.upscaling.settings import UpscaleConfig

__all__ = ["Enlarger"]

COLOURS = 3
"""Channels of photos; what a network takes besides is noise."""


class Enlarger:
    """The network of one call, and all that decides on the pixels that it makes.

    Parameters
    ----------
    config : UpscaleConfig

    Attributes
    ----------
    spec : NetworkSpec
    settings : dict of str to Any
        All that decides on SR.

    Raises
    ------
    DegradeError
        The weights or the device cannot be used.
    """

    def __init__(self, config: UpscaleConfig) -> None:
        self._config = config
        self._device = choose_device(config.device)
        half_type(config.precision, self._device)
        self.spec, network, self.settings = _read_network(config)
        if config.precision == "auto":
            self.settings["precision"] = f"auto on {self._device.partition(':')[0]}"
        self._network = network.to(self._device)
        self._upscalers: dict[bool, Upscaler] = {}
        self._sample = 0

    @property
    def cost(self) -> float:
        """How many times the pixels of the photos so far the tiles have seen; 1: none was cut."""
        return max((upscaler.cost for upscaler in self._upscalers.values()), default=1.0)

    def take_sample(self, number: int) -> None:
        """Enlarge from now on by this noise, where the weights take some.

        Raises
        ------
        InputError
            Samples are wanted of weights that take none.
        """
        config = self._config
        if self._network.in_channels > COLOURS:
            self.settings["sample"] = number
        elif config.samples is not None:
            raise InputError(
                config.weights,
                "takes no noise: all samples would be equal",
                "give weights that were trained with `noise_channels`, or leave `samples` out",
            )
        self._sample = number
        self._upscalers.clear()

    def layout(self, photo: Photo) -> tuple[RowLayout, tuple[str, ...]]:
        """Return what the result is, and what is to be said of it."""
        limits, notes = ROW_FORMATS[self._config.format], list(photo.notes)
        deep = photo.pixels.dtype == np.uint16
        if deep and not limits.deep:
            notes.append(f"8 of 16 bits, all that {self._config.format} has")
        keeps_alpha = photo.alpha is not None and limits.alpha
        if photo.alpha is not None and not limits.alpha:
            notes.append("alpha dropped")
        height, width = (self.spec.scale * side for side in photo.pixels.shape[:2])
        # Gray pixels may have a profile for three channels; then they stay three.
        is_gray = "gray" in photo.notes and not is_for_colour(photo.profile)
        layout = RowLayout(
            height=height,
            width=width,
            bits=16 if deep and limits.deep else 8,
            channels=4 if keeps_alpha else 1 if is_gray else 3,
            profile=photo.profile,
        )
        return layout, tuple(notes)

    def write(
        self, file: BinaryIO, photo: Photo, layout: RowLayout, on_tile: Callable[[int], None]
    ) -> None:
        """Enlarge a photo into a file that is open for writing.

        Parameters
        ----------
        file : binary file
        photo : Photo
        layout : RowLayout
            Of the result; see :meth:`layout`.
        on_tile : callable
            Called after each tile with the photo's pixels that it covers.

        Raises
        ------
        EncodingError
            The format cannot hold it.
        DegradeError
            As :meth:`esrgan.upscaling.upscaler.Upscaler.bands`.
        OSError
            The file cannot be written.
        """
        encoder = open_rows(file, self._config.format, layout)
        dtype = np.uint16 if layout.bits == 16 else np.uint8
        upscaler, scale, top = self._upscaler(deep=layout.bits == 16), self.spec.scale, 0
        pixels = photo.pixels
        if photo.alpha is not None:
            pixels = fill_transparent(pixels, photo.alpha)
        for rgb in upscaler.bands(pixels, dtype, on_tile=on_tile):
            bottom = top + len(rgb) // scale
            encoder.write(_with_channels(rgb, photo, layout, (top, bottom)))
            top = bottom
            del rgb  # before there are the next ones
        encoder.finish()

    def _upscaler(self, *, deep: bool) -> Upscaler:
        """Return the upscaler for 16-bit results, or for others."""
        config, device = self._config, self._device
        if deep not in self._upscalers:
            half = half_type(config.precision, device, deep=deep)
            tiler = Tiler(
                self._network,
                tile=config.tile,
                memory=tile_memory(device, config.max_memory),
                half=half is not None,
            )
            self._upscalers[deep] = Upscaler(
                self._network,
                tiler,
                device=device,
                half=half,
                sample=self._sample,
                flips=config.flips,
                mirror=config.mirror,
            )
        return self._upscalers[deep]


def _read_network(config: UpscaleConfig) -> tuple[NetworkSpec, Generator, dict[str, Any]]:
    """Return the network, mixed with the other one if there is one, and all that decides on SR."""
    weights = read_weights(config.weights, scale=config.scale)
    settings: dict[str, Any] = {
        "weights": hash_file(find_weights(config.weights)),
        "scale": weights.spec.scale,
        "flips": config.flips,
        "precision": config.precision,
        "format": config.format,
    }
    if config.keep_profile:  # so that what was made before there was a choice still counts
        settings["keep_profile"] = True
    if config.mirror:  # likewise
        settings["mirror"] = config.mirror
    if config.other is not None and config.alpha is not None:
        other = read_weights(config.other, scale=config.scale)
        try:
            weights = interpolate_weights(weights, other, config.alpha)
        except InvalidValueError as error:
            raise InputError(config.other, str(error), "choose another `other`") from None
        settings |= {"alpha": config.alpha, "other": hash_file(find_weights(config.other))}
    network = network_from_state_dict(weights.state, scale=weights.spec.scale).eval()
    if network.in_channels < COLOURS or network.out_channels != COLOURS:
        channels = f"{network.in_channels} channels to {network.out_channels}"
        raise InputError(config.weights, f"a generator from {channels}", "give one for RGB images")
    if isinstance(network, SRResNet):
        network = fold_batch_norm(network)
    return weights.spec, network, settings


def _with_channels(
    rgb: AnyArray, photo: Photo, layout: RowLayout, rows: tuple[int, int]
) -> AnyArray:
    """Return rows of a result with the channels that its layout states."""
    if layout.channels == 1:
        return to_gray(rgb)
    if layout.channels == 3 or photo.alpha is None:
        return rgb
    scale = len(rgb) // (rows[1] - rows[0])
    alpha = enlarge_channel(photo.alpha, scale, *rows)
    return np.dstack((rgb, to_u8(alpha) if layout.bits == 8 else alpha))
