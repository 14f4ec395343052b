from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io

from degrade.errors import InvalidValueError
from degrade.kernels import (
    bicubic_kernel,
    gaussian_kernel,
)
from degrade.kernels.files import (
    import_kernel,
    read_kernel_file,
    scale_in_name,
)
from degrade.kernels.kernelgan_mat import write_kernelgan_mat


def test_write_kernelgan_mat_round_trips_where_kernelgan_looks(tmp_path: Path) -> None:
    kernel = gaussian_kernel(13, 2, (1.5, 0.8), 0.3)
    path = write_kernelgan_mat(tmp_path, "IMG 1", kernel)
    assert path == tmp_path / "IMG 1" / "IMG 1_kernel_x2.mat"
    assert scale_in_name(path) == 2
    saved = scipy_io.loadmat(path)["Kernel"]
    assert saved.dtype == np.float64
    np.testing.assert_array_equal(saved, kernel.weights)
    again, _ = import_kernel(read_kernel_file(path)[0], 2)
    np.testing.assert_array_equal(again.weights, kernel.weights)
    first = path.read_bytes()
    assert write_kernelgan_mat(tmp_path, "IMG 1", kernel).read_bytes() == first


@pytest.mark.parametrize("name", ["", "..", ".", "../up", "/etc/x", "a\0b"])
def test_write_kernelgan_mat_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValueError):
        write_kernelgan_mat(tmp_path, name, bicubic_kernel(2))
