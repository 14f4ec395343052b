"""What setup.cfg cannot say of the build: code that is compiled where there is a compiler."""

import os
import sysconfig
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

# Nobody looks at the flags of floating point: without them comparisons can be vectors.
_ALWAYS = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math"]
_AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2"]
_AVX512 = [
    *(f"-mavx512{part}" for part in ("f", "bw", "dq", "vl", "vnni", "vbmi")),
    "-mprefer-vector-width=512",
]
# Each is built of the same sources; degrade/compiled/loading.py takes what the processor has.
FORMS: dict[str, list[str]] = {"plain": []}
# What is built for, which need not be what builds. On macOS one file may be for two processors.
_SYSTEM, _, _PROCESSOR = sysconfig.get_platform().rpartition("-")
if _PROCESSOR in ("x86_64", "amd64") and os.name == "posix" and not _SYSTEM.startswith("macosx"):
    FORMS |= {"avx2": _AVX2, "avx512": _AVX2 + _AVX512}


class BuildForms(build_ext):
    """Builds one form after the other, each with objects of its own: sources have one name."""

    def finalize_options(self) -> None:
        """Settle the options: nothing is built side by side."""
        super().finalize_options()  # sets inplace where an editable installation is made
        self.parallel = None
        # While it builds, setuptools sets inplace to false, and copies afterwards.
        self._is_in_place = bool(self.inplace)

    def build_extension(self, ext: Extension) -> None:
        """Build a form; where it does not compile, an earlier one of its name is removed."""
        common = self.build_temp
        self.build_temp = str(Path(common) / ext.name)
        try:
            super().build_extension(ext)
        except BaseException:
            # Of other sources: nothing would tell that it is not what was to be built.
            Path(self.get_ext_fullpath(ext.name)).unlink(missing_ok=True)
            if self._is_in_place:
                Path(self.get_ext_filename(ext.name)).unlink(missing_ok=True)
            raise
        finally:
            self.build_temp = common


if __name__ == "__main__":  # .ci/try_wheel.py reads the forms
    setup(
        ext_modules=[
            Extension(
                f"degrade.compiled._{form}",
                [f"degrade/compiled/{name}.c" for name in _SOURCES],
                depends=[f"degrade/compiled/{name}.h" for name in _HEADERS],
                extra_compile_args=[*_ALWAYS, *flags],
                define_macros=[("Py_LIMITED_API", "0x030B0000"), ("FORM", form)],
                py_limited_api=True,
                optional=True,
            )
            for form, flags in FORMS.items()
        ],
        cmdclass={"build_ext": BuildForms},
        options={"bdist_wheel": {"py_limited_api": "cp311"}},
    )
