"""AVIF, by libavif (Pillow)."""

from __future__ import annotations

from dataclasses import replace

from degrade.images.decoding.by_pillow import decode_by_pillow
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.headers.isobmff import nclx_coding

__all__ = ["decode_avif"]


def decode_avif(data: bytes, header: ImageHeader) -> Decoded:
    """Decode an AVIF file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    return replace(decode_by_pillow(data, header, "AVIF"), coding=nclx_coding(data))
