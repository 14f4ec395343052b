"""A kernel as KernelGAN itself writes it, for whoever reads its files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import scipy

from degrade.disk.files import make_folder, write_atomically
from degrade.errors import InvalidValueError, printable
from degrade.geometry import Scale
from degrade.kernels.kernel import BlurKernel

__all__ = ["encode_kernelgan_mat", "kernelgan_mat_path", "write_kernelgan_mat"]


def write_kernelgan_mat(folder: Path, image_name: str, kernel: BlurKernel) -> Path:
    """Write what :func:`encode_kernelgan_mat` gives where :func:`kernelgan_mat_path` says.

    Raises
    ------
    InvalidValueError
        ``image_name`` is no plain file name.
    DegradeError
        The file cannot be written.
    """
    path = kernelgan_mat_path(folder, image_name, kernel.scale)
    make_folder(path.parent)
    write_atomically(path, encode_kernelgan_mat(kernel))
    return path


def kernelgan_mat_path(folder: Path, image_name: str, scale: Scale) -> Path:
    """Return ``<folder>/<image_name>/<image_name>_kernel_x<scale>.mat``, where KernelGAN writes.

    Raises
    ------
    InvalidValueError
        ``image_name`` is no plain file name.
    """
    if image_name in ("", ".", "..") or "/" in image_name or "\0" in image_name:
        raise InvalidValueError(f"not a file name: {printable(image_name)!r}")
    written = str(scale).replace("/", "-")
    return folder / image_name / f"{image_name}_kernel_x{written}.mat"


def encode_kernelgan_mat(kernel: BlurKernel) -> bytes:
    """Return a kernel's file in KernelGAN's form: key ``Kernel``, float64.

    The same kernel gives the same bytes.
    """
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"Kernel": kernel.weights.astype(np.float64)})
    # scipy writes the time into the 116 bytes of free text that begin a MATLAB file.
    text = b"MATLAB 5.0 MAT-file, written by degrade".ljust(116)
    return text + buffer.getvalue()[116:]
