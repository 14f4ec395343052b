"""Inner loops in C, where there is a compiler; without one everything works, more slowly."""

from degrade.compiled.loading import compiled_form, is_compiled

__all__ = ["compiled_form", "is_compiled"]
