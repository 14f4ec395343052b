"""What setup.cfg cannot say of the build: code that is compiled where there is a compiler."""

import os
import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

_SOURCES = (
    "module",
    "sampling",
    "sampling_pairs",
    "jpeg_walk",
    "png_rows",
    "png_rows_at_once",
    "window_sums",
    "model_error",
    "photo_steps",
    "local_variance",
    "rounding",
)
_HEADERS = ("compiled", "jpeg_codes", "png_rows", "sampling")

_AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2"]
_AVX512 = [
    *(f"-mavx512{part}" for part in ("f", "bw", "dq", "vl", "vnni", "vbmi")),
    "-mprefer-vector-width=512",
]
# Each is built of the same sources; degrade/compiled/loading.py takes what the processor has.
_FORMS: dict[str, list[str]] = {"plain": []}
if platform.machine() in ("x86_64", "amd64") and os.name == "posix":
    _FORMS |= {"avx2": _AVX2, "avx512": _AVX2 + _AVX512}


class BuildForms(build_ext):
    """Builds one form after the other, each with objects of its own: sources have one name."""

    def finalize_options(self) -> None:
        """Settle the options: nothing is built side by side."""
        super().finalize_options()
        self.parallel = None

    def build_extension(self, ext: Extension) -> None:
        """Build a form."""
        common = self.build_temp
        self.build_temp = str(Path(common) / ext.name)
        try:
            super().build_extension(ext)
        finally:
            self.build_temp = common


setup(
    ext_modules=[
        Extension(
            f"degrade.compiled._{form}",
            [f"degrade/compiled/{name}.c" for name in _SOURCES],
            depends=[f"degrade/compiled/{name}.h" for name in _HEADERS],
            # Nobody looks at the flags of floating point: without them comparisons can be vectors.
            extra_compile_args=["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", *flags],
            define_macros=[("Py_LIMITED_API", "0x030B0000"), ("FORM", form)],
            py_limited_api=True,
            optional=True,
        )
        for form, flags in _FORMS.items()
    ],
    cmdclass={"build_ext": BuildForms},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
