"""Camera raw files, by LibRaw (rawpy, an extra).

Demosaiced as the library does it; the camera's white balance; sRGB colours and tone curve;
16 bits. Nothing else: no sharpening, no noise reduction, no brightening, no stretched highlights.
"""

from __future__ import annotations

import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.headers.raw import error_text, open_raw, quiet

__all__ = ["decode_raw"]

_SRGB_GAMMA, _SRGB_SLOPE = 2.4, 12.92


def decode_raw(data: bytes, header: ImageHeader) -> Decoded:
    """Develop a raw file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    import rawpy

    with quiet(), open_raw(data) as raw:
        try:
            has_balance = bool(raw.camera_whitebalance and raw.camera_whitebalance[0] > 0)
            rgb = raw.postprocess(
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=(_SRGB_GAMMA, _SRGB_SLOPE),
                output_bps=16,
                no_auto_bright=True,
                fbdd_noise_reduction=rawpy.FBDDNoiseReductionMode.Off,
                median_filter_passes=0,
                noise_thr=None,
            )
        except rawpy.LibRawError as error:
            raise InvalidValueError(f"its sensor data are damaged ({error_text(error)})") from None
    if rgb.dtype != np.uint16 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise InvalidValueError("its sensor data hold no colours")
    if rgb.shape[:2] != (header.height, header.width):
        raise InvalidValueError("its pixels do not fill the size in its header")
    balance = "camera's white balance" if has_balance else "daylight's white balance"
    return Decoded(rgb, notes=(f"developed from RAW, {balance}",), is_upright=True)
