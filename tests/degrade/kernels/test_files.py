"""Kernel files: every layout of the field is read, nothing in them is trusted."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from scipy import io as scipy_io

from degrade.errors import InputError, InvalidValueError
from degrade.images.image_io import read_photo
from degrade.kernels import (
    centre_of_mass,
    downsample,
    gaussian_kernel,
    phase_centre,
)
from degrade.kernels.files import (
    RawKernel,
    import_kernel,
    read_kernel_file,
)
from degrade.kernels.registration import measure_shift
from degrade.resample import imresize

Weights = npt.NDArray[np.float64]


def uneven(size: int = 7, seed: int = 0) -> Weights:
    """Return a kernel that no transposition or flip leaves as it is."""
    weights = np.random.default_rng(seed).random((size, size))
    return weights / weights.sum()


def mat5(*, compressed: bool = False, **variables: object) -> bytes:
    buffer = io.BytesIO()
    scipy_io.savemat(buffer, variables, do_compression=compressed)
    return buffer.getvalue()


def cell(*members: Weights) -> npt.NDArray[np.object_]:
    array = np.empty((1, len(members)), dtype=object)
    array[0] = members
    return array


def mat73(path: Path, *, compression: str | None = None, **variables: object) -> bytes:
    """Return a v7.3 file as MATLAB writes it: HDF5 after 512 bytes, arrays transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if isinstance(value, list):
                group = file.require_group("#refs#")
                references = file.create_dataset(name, (len(value), 1), dtype=h5py.ref_dtype)
                for number, member in enumerate(value):
                    group[f"{name}{number}"] = member.T
                    references[number, 0] = group[f"{name}{number}"].ref
            else:
                file.create_dataset(name, data=np.asarray(value).T, compression=compression)
    data = bytearray(path.read_bytes())
    data[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    return bytes(data)


def read_bytes(tmp_path: Path, data: bytes, name: str = "file.mat") -> list[RawKernel]:
    path = tmp_path / name
    path.write_bytes(data)
    return read_kernel_file(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["Kernel", "kernel", "k_from_elsewhere"])
def test_read_kernel_file_reads_matlab_5(tmp_path: Path, name: str, compressed: bool) -> None:
    data = mat5(compressed=compressed, **{name: uneven()})
    (raw,) = read_bytes(tmp_path, data)
    np.testing.assert_array_equal(raw.weights, uneven())
    assert raw.label == "file.mat"


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", "i8", "u8"])
def test_read_kernel_file_reads_every_number_type(tmp_path: Path, dtype: str) -> None:
    weights = np.arange(25).reshape(5, 5).astype(dtype)
    (raw,) = read_bytes(tmp_path, mat5(Kernel=weights))
    assert raw.weights.dtype == np.float64
    np.testing.assert_array_equal(raw.weights, weights)


def test_read_kernel_file_reads_cells_and_stacks(tmp_path: Path) -> None:
    members = [uneven(7, 1), uneven(9, 2), uneven(5, 3)]
    from_cell = read_bytes(tmp_path, mat5(kernels=cell(*members)), "kernels_3.mat")
    assert [raw.label for raw in from_cell] == [f"kernels_3.mat[{i}]" for i in range(3)]
    for raw, member in zip(from_cell, members, strict=True):
        np.testing.assert_array_equal(raw.weights, member)
    stack = np.stack([uneven(7, seed) for seed in range(4)], axis=2)
    for raw, seed in zip(read_bytes(tmp_path, mat5(k=stack)), range(4), strict=True):
        np.testing.assert_array_equal(raw.weights, uneven(7, seed))


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_read_kernel_file_turns_matlab_73_upright(tmp_path: Path, compression: str | None) -> None:
    data = mat73(tmp_path / "v73.h5", Kernel=uneven(), compression=compression)
    (raw,) = read_bytes(tmp_path, data)
    np.testing.assert_array_equal(raw.weights, uneven())
    members = [uneven(7, 1), uneven(9, 2)]
    found = read_bytes(tmp_path, mat73(tmp_path / "cell.h5", kernels=members))
    for raw, member in zip(found, members, strict=True):
        np.testing.assert_array_equal(raw.weights, member)
    stack = np.stack(members[:1] * 3, axis=2)
    assert len(read_bytes(tmp_path, mat73(tmp_path / "stack.h5", k=stack))) == 3


@pytest.mark.parametrize("axis", [0, 2])
def test_read_kernel_file_reads_npy(tmp_path: Path, axis: int) -> None:
    np.save(tmp_path / "stack.npy", np.stack([uneven(7, 1), uneven(7, 2)], axis=axis))
    first, second = read_kernel_file(tmp_path / "stack.npy")
    np.testing.assert_array_equal(first.weights, uneven(7, 1))
    np.testing.assert_array_equal(second.weights, uneven(7, 2))


def test_read_kernel_file_prefers_the_usual_names(tmp_path: Path) -> None:
    data = mat5(Kernel=uneven(), something=uneven(9), label="text", s={"a": 1})
    assert [raw.weights.shape for raw in read_bytes(tmp_path, data)] == [(7, 7)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\x89HDF\r\n\x1a\n",
        mat5(Kernel=np.ones((12, 13))),
        mat5(name="text"),
        mat5(Kernel=np.ones((1, 1))),
        mat5(Kernel=np.ones((300, 300))),
        mat5(Kernel=np.ones((5, 5)) * 1j),
        mat5(),
        b"PK\x03\x04" * 40,
    ],
)
def test_read_kernel_file_names_what_holds_no_kernel(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"file\.mat: "):
        read_bytes(tmp_path, data)
    with pytest.raises(InputError, match=r"file\.npy: "):
        read_bytes(tmp_path, data, "file.npy")


def test_read_kernel_file_runs_no_pickle(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    np.save(tmp_path / "a.npy", np.array([Harmful()]), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harmful()))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(InputError, match=name):
            read_kernel_file(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_read_kernel_file_refuses_lies_about_size(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (13, 13, 2**34)}
    )
    with pytest.raises(InputError):
        read_bytes(tmp_path, header.getvalue() + b"\0" * 99, "huge.npy")
    with h5py.File(tmp_path / "huge.mat", "w") as file:
        file.create_dataset("Kernel", (2**20, 2**20), "f8", chunks=(16, 16))
    with pytest.raises(InputError, match=r"huge\.mat"):
        read_kernel_file(tmp_path / "huge.mat")
    with h5py.File(tmp_path / "chunks.mat", "w") as file:  # 4 KB of memory for each
        file.create_dataset("Kernel", (2**20, 3), "f8", chunks=(1, 3))
    with pytest.raises(InputError, match=r"chunks\.mat"):
        read_kernel_file(tmp_path / "chunks.mat")
    bomb = mat5(compressed=True, Kernel=np.zeros((3000, 3000)))
    assert len(bomb) < 2**17
    with pytest.raises(InputError, match="too large"):
        read_bytes(tmp_path, bomb)


def test_read_kernel_file_stays_inside_the_file(tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", uneven())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["Kernel"] = uneven()
    (tmp_path / "raw.bin").write_bytes(uneven().tobytes())
    with h5py.File(tmp_path / "linked.mat", "w") as file:
        file["Kernel"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/Kernel")
    with h5py.File(tmp_path / "stored.mat", "w") as file:
        file.create_dataset("Kernel", (7, 7), "f8", external=str(tmp_path / "raw.bin"))
    with h5py.File(tmp_path / "virtual.mat", "w") as file:
        layout = h5py.VirtualLayout((7, 7), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "Kernel", (7, 7))
        file.create_virtual_dataset("Kernel", layout)
    for name in ("linked", "stored", "virtual"):
        with pytest.raises(InputError, match="no numeric array"):
            read_kernel_file(tmp_path / f"{name}.mat")


def test_read_kernel_file_survives_flipped_and_cut_bytes(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    npy = io.BytesIO()
    np.save(npy, uneven())
    files = {
        "plain.mat": mat5(Kernel=uneven(), kernels=cell(uneven(), uneven(5))),
        "zlib.mat": mat5(compressed=True, Kernel=uneven()),
        "v73.mat": mat73(tmp_path / "x.h5", Kernel=uneven(), kernels=[uneven(), uneven(5)]),
        "array.npy": npy.getvalue(),
    }
    refused = 0
    for name, whole in files.items():
        for round_ in range(120):
            data = bytearray(whole[: rng.integers(len(whole))] if round_ % 4 == 0 else whole)
            for position in rng.integers(0, max(len(data), 1), 3):
                if position < len(data):
                    data[position] = rng.integers(256)
            try:
                kernels = read_bytes(tmp_path, bytes(data), name)
            except InputError as error:
                assert name in str(error) and "\n" not in str(error)
                refused += 1
            else:
                assert all(raw.weights.dtype == np.float64 for raw in kernels)
    assert refused > 100


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_import_kernel_auto_undoes_a_flip(scale: int) -> None:
    kernel = gaussian_kernel(19, scale, (2.2, 1.1), 0.5)
    straight, notes = import_kernel(RawKernel(kernel.weights.astype(float), "a"), scale)
    assert any("correlation" in note for note in notes)
    flipped = RawKernel(kernel.weights[::-1, ::-1].astype(float), "b")
    turned, notes = import_kernel(flipped, scale)
    assert any("flipped" in note for note in notes)
    np.testing.assert_array_equal(straight.weights, kernel.weights)
    np.testing.assert_array_equal(turned.weights, kernel.weights)
    forced, _ = import_kernel(flipped, scale, "convolve")
    np.testing.assert_array_equal(forced.weights, kernel.weights)


def test_import_kernel_auto_leaves_symmetric_kernels_unflipped() -> None:
    weights = np.outer(np.hanning(11), np.hanning(11))
    kernel, notes = import_kernel(RawKernel(weights, "a"), 4)
    assert not any("flip" in note or "correlation" in note for note in notes)
    assert any("moved" in note for note in notes) and any("normalised" in note for note in notes)
    np.testing.assert_allclose(
        centre_of_mass(kernel.weights), phase_centre(kernel.size, 4), atol=0.05
    )


@pytest.mark.parametrize("size", [2, 6, 12, 13])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_import_kernel_repairs_any_size(size: int, scale: int) -> None:
    kernel, _ = import_kernel(RawKernel(uneven(size) * 3, "a"), scale)
    assert kernel.size % 2 == 1
    np.testing.assert_allclose(
        centre_of_mass(kernel.weights), phase_centre(kernel.size, scale), atol=0.05
    )


@pytest.mark.parametrize(
    "weights", [np.zeros((5, 5)), np.full((5, 5), np.nan), -np.ones((5, 5)), np.ones((4, 5))]
)
def test_import_kernel_refuses_what_cannot_be_mended(weights: Weights) -> None:
    with pytest.raises(InvalidValueError):
        import_kernel(RawKernel(weights, "bad"), 2)


def test_every_kernel_of_the_field_imports(shared_data: Path) -> None:
    files = sorted((shared_data / "kernels").rglob("*.mat"))
    assert len(files) >= 13
    counts = {}
    for path in files:
        kernels = read_kernel_file(path)
        counts[path.name] = len(kernels)
        for raw in kernels:
            kernel, notes = import_kernel(raw, 4)
            offset = centre_of_mass(kernel.weights) - phase_centre(kernel.size, 4)
            assert np.abs(offset).max() <= 0.05, (raw.label, notes)
    assert counts["kernels_12.mat"] == 12 and counts["Levin09.mat"] == 8
    assert counts["kernels_bicubicx234.mat"] == 3


def test_read_kernel_file_agrees_with_scipy(shared_data: Path) -> None:
    for path in sorted((shared_data / "kernels").rglob("*.mat")):
        if path.name == "Levin09.mat":  # v7.3, which scipy does not read
            continue
        found = scipy_io.loadmat(path)
        value = next(found[name] for name in ("Kernel", "kernel", "kernels") if name in found)
        members = list(value.ravel()) if value.dtype == object else [value]
        for raw, member in zip(read_kernel_file(path), members, strict=True):
            np.testing.assert_array_equal(raw.weights, member)


def correlate_and_sample(image: Weights, weights: Weights, scale: int) -> Weights:
    """Correlate with wrapped borders, kernel centred at K//2, and keep every scale-th pixel."""
    total = np.zeros(image.shape)
    half = weights.shape[0] // 2
    for row in range(weights.shape[0]):
        for column in range(weights.shape[1]):
            moved = np.roll(image, (half - row, half - column), axis=(0, 1))
            total += weights[row, column] * moved
    return total[::scale, ::scale]


def test_fkp_kernel_gives_the_shipped_lr_as_it_is_and_lies_on_the_grid_when_imported(
    shared_data: Path,
) -> None:
    folder = shared_data / "kernels" / "fkp_102061"
    hr = read_photo(folder / "HR.png").as_float()[:480, :320]
    shipped = read_photo(folder / "LR_x4.png").as_float().astype(np.float64)
    (raw,) = read_kernel_file(folder / "kernel_x4.mat")
    lr = correlate_and_sample(hr.astype(np.float64), raw.weights, 4)
    psnr = -10 * np.log10(np.mean((lr - shipped) ** 2))
    assert psnr >= 52
    # All that is missing is that its makers truncated to 8 bits instead of rounding.
    truncated = np.floor(lr.clip(0, 1) * 255) / 255
    assert -10 * np.log10(np.mean((truncated - shipped) ** 2)) >= 90

    kernel, notes = import_kernel(raw, 4)
    assert any("flipped" in note for note in notes)
    reference = imresize(hr, 1 / 4)
    assert np.hypot(*measure_shift(downsample(hr, kernel), reference)) <= 0.05
    # The shipped LR is what the conversion is for: it lies 3 HR pixels off.
    row, column = measure_shift(shipped.astype(np.float32), reference)
    assert np.allclose((row, column), 0.75, atol=0.1)
