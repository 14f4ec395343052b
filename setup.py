"""What setup.cfg cannot say of the build: code that is compiled where there is a compiler."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "degrade.compiled._code",
            [
                f"degrade/compiled/{name}.c"
                for name in (
                    "module",
                    "sampling",
                    "sampling_pairs",
                    "jpeg_walk",
                    "png_rows",
                    "window_sums",
                    "model_error",
                    "photo_steps",
                    "local_variance",
                    "rounding",
                )
            ],
            depends=[
                f"degrade/compiled/{name}.h" for name in ("compiled", "jpeg_codes", "sampling")
            ],
            # Nobody looks at the flags of floating point: without them comparisons can be vectors.
            extra_compile_args=["-O3", "-fno-math-errno", "-fno-trapping-math"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
