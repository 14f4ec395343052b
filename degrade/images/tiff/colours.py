"""From the samples of a TIFF page to RGB of 8 or 16 bits, and alpha beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.images.opencv import cv2
from degrade.images.tiff.compressions import IMAGE_CODECS
from degrade.images.tiff.pages import Photometric, TiffPage

__all__ = ["alpha_levels", "check_samples", "rgb_levels", "without_alpha"]

_STRIP = 256
_UNREAD = {
    Photometric.MASK: "a transparency mask",
    9: "ICC's Lab",
    10: "ITU's Lab",
    32844: "LogL (light beyond white)",
    32845: "LogLuv (light beyond white)",
    Photometric.SENSOR: "a sensor's raw data",
    Photometric.LINEAR_RAW: "a sensor's raw data",
}


def check_samples(page: TiffPage) -> None:
    """Refuse samples that no rule here makes a photo of.

    Raises
    ------
    InvalidValueError
        The text says what they are.
    """
    kind = page.photometric
    known = (*range(Photometric.WHITE_IS_ZERO, Photometric.MASK), *_RULES)
    if kind not in known:
        name = _UNREAD.get(kind, "an unknown kind")
        raise InvalidValueError(f"holds colours of {name} ({kind}): save it as RGB")
    if not page.sample_formats <= {1, 4}:
        raise InvalidValueError("holds signed or complex samples: save it with unsigned ones")
    if not 1 <= page.bits <= 16:
        raise InvalidValueError(f"holds samples of {page.bits} bits: save it with 8 or 16")
    if page.samples < page.colours:
        raise InvalidValueError(
            f"holds {page.samples} samples a pixel where its colours need {page.colours}"
        )
    is_gray = kind in (Photometric.WHITE_IS_ZERO, Photometric.BLACK_IS_ZERO)
    if is_gray and page.samples > 2 + (page.alpha is not None):
        raise InvalidValueError(
            f"holds {page.samples} bands of which it does not say the colours: export red, green "
            "and blue as RGB"
        )
    if kind == Photometric.PALETTE:
        _palette(page)
    if kind == Photometric.CMYK and page.integer(332, 1) != 1:
        raise InvalidValueError(
            "holds other inks than cyan, magenta, yellow, black: save it as RGB"
        )
    if kind in _RULES and kind != Photometric.RGB and page.bits not in (8, 16):
        raise InvalidValueError(f"holds such colours in {page.bits} bits: save it as RGB")


def rgb_levels(page: TiffPage, samples: AnyArray) -> AnyArray:
    """Return the colours of a page.

    Parameters
    ----------
    page : TiffPage
    samples : (H, W, n) uint8 or uint16 array
        As stored; the first ones are the colours.

    Returns
    -------
    (H, W, 3) uint8 or uint16 array
        RGB on the full range of its type. Other depths than 8 and 16 bits are scaled to the next
        of these, ``round(v · peak / (2^bits − 1))``.
    """
    kind = page.photometric
    if kind == Photometric.PALETTE:
        return _palette(page)[samples[..., 0]]
    if kind in (Photometric.WHITE_IS_ZERO, Photometric.BLACK_IS_ZERO):
        gray = samples[..., 0]
        if kind == Photometric.WHITE_IS_ZERO:
            gray = gray.dtype.type(2**page.bits - 1) - gray
        return cv2.cvtColor(_full_range(gray, page.bits), cv2.COLOR_GRAY2RGB)
    # The decoder of JPEG has made RGB of it.
    if kind == Photometric.YCBCR and page.compression in IMAGE_CODECS:
        kind = Photometric.RGB
    if kind == Photometric.RGB:
        return np.ascontiguousarray(_full_range(samples[..., :3], page.bits))
    colours = np.empty((*samples.shape[:2], 3), samples.dtype)
    for top in range(0, len(samples), _STRIP):  # no second copy of a large photo in floats
        colours[top : top + _STRIP] = _RULES[kind](page, samples[top : top + _STRIP])
    return colours


def alpha_levels(page: TiffPage, samples: AnyArray) -> AnyArray:
    """Return (H, W) samples of alpha on the full range of their type."""
    return np.ascontiguousarray(_full_range(samples, page.bits))


def without_alpha(rgb: AnyArray, alpha: AnyArray) -> AnyArray:
    """Return the colours that were multiplied by alpha; where that is 0 they stay as they are."""
    peak = np.uint32(np.iinfo(alpha.dtype).max)  # 65535² and a half of it fit into 32 bits
    colours = np.empty_like(rgb)
    for top in range(0, len(rgb), _STRIP):
        rows = slice(top, top + _STRIP)
        opaque = np.where(alpha[rows, :, None] == 0, peak, alpha[rows, :, None])
        colours[rows] = np.minimum((rgb[rows] * peak + opaque // 2) // opaque, peak)
    return colours


def _full_range(values: AnyArray, bits: int) -> AnyArray:
    if bits in (8, 16):
        return values
    return _scaled(np.arange(2**bits, dtype=np.uint32), 2**bits - 1, bits)[values]


def _scaled(values: AnyArray, white: int, bits: int) -> AnyArray:
    """Return values with ``white`` at the peak of uint8, of uint16 from 9 bits on, rounded."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    peak = int(np.iinfo(dtype).max)
    return ((values.astype(np.uint64) * (2 * peak) + white) // (2 * white)).astype(dtype)


def _palette(page: TiffPage) -> AnyArray:
    """Return the (2^bits, 3) colours of a palette.

    They are of 16 bits; most files hold 8-bit ones in them, as v·257, v·256 or, wrongly, v.
    """
    values = page.integers(320)
    if len(values) != 3 * 2**page.bits:
        raise InvalidValueError(f"its palette has {len(values)} values: it is damaged")
    colours = values.reshape(3, -1).T.astype(np.uint16)
    if colours.max() < 256:
        return np.ascontiguousarray(colours.astype(np.uint8))
    high, low = colours >> 8, colours & 255
    if not low.any() or np.array_equal(high, low):
        return np.ascontiguousarray(high.astype(np.uint8))
    return np.ascontiguousarray(colours)


def _from_cmyk(page: TiffPage, samples: AnyArray) -> AnyArray:
    """Light that inks let through, where the file has no profile of them."""
    peak = np.uint32(np.iinfo(samples.dtype).max)
    paper = peak - samples[..., :4]
    return (paper[..., :3] * paper[..., 3:] + peak // 2) // peak


def _from_ycbcr(page: TiffPage, samples: AnyArray) -> AnyArray:
    """TIFF 6.0, sections 20 and 21."""
    peak = float(np.iinfo(samples.dtype).max)
    half = (peak + 1) / 2
    absent = (0.0, peak, half, peak, half, peak)
    reference = page.fractions(532)
    black = np.array((reference if len(reference) == 6 else absent)[0::2])
    white = np.array((reference if len(reference) == 6 else absent)[1::2])
    spans = np.array((peak, peak - half, peak - half))
    if (white == black).any():
        raise InvalidValueError("its YCbCr has black where white is: it is damaged")
    luminance, blue, red = np.moveaxis((samples - black) * (spans / (white - black)), -1, 0)
    weights = page.fractions(529)
    of_red, of_green, of_blue = weights if len(weights) == 3 else (0.299, 0.587, 0.114)
    if of_green == 0:
        raise InvalidValueError("its YCbCr has no green: it is damaged")
    r = luminance + red * (2 - 2 * of_red)
    b = luminance + blue * (2 - 2 * of_blue)
    g = (luminance - of_red * r - of_blue * b) / of_green
    return _rounded(np.stack((r, g, b), axis=-1), peak)


_LAB_WHITE = np.array((0.96422, 1.0, 0.82521))
"""D50, as in all ICC profiles."""

_XYZ_TO_RGB = np.array(
    (
        (3.1341359, -1.6173863, -0.4906619),
        (-0.9787955, 1.9162544, 0.0334428),
        (0.0719554, -0.2289768, 1.4053860),
    )
)
"""From XYZ of D50 to linear sRGB."""


def _from_cielab(page: TiffPage, samples: AnyArray) -> AnyArray:
    """TIFF 6.0, section 23: L* unsigned up to 100, a* and b* signed; in sRGB, clipped."""
    peak = float(np.iinfo(samples.dtype).max)
    signed = samples.view(np.int8 if samples.dtype == np.uint8 else np.int16)[..., 1:3]
    opponents = signed.astype(np.float64) / (1 if samples.dtype == np.uint8 else 256)
    y = (samples[..., 0] * (100 / peak) + 16) / 116
    cubes = np.stack((y + opponents[..., 0] / 500, y, y - opponents[..., 1] / 200), axis=-1)
    edge = 6 / 29
    linear = (cubes - 4 / 29) * (3 * edge**2)
    xyz = np.where(cubes > edge, cubes**3, linear) * _LAB_WHITE
    light = (xyz @ _XYZ_TO_RGB.T).clip(0, 1)
    bent = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return _rounded(bent * peak, peak)


def _rounded(levels: FloatArray, peak: float) -> FloatArray:
    rounded: FloatArray = np.rint(levels).clip(0, peak)
    return rounded


_RULES: dict[int, Callable[[TiffPage, AnyArray], AnyArray]] = {
    Photometric.CMYK: _from_cmyk,
    Photometric.YCBCR: _from_ycbcr,
    Photometric.CIELAB: _from_cielab,
}
"""How strips of 8- or 16-bit samples become RGB of the same depth."""
