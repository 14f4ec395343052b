"""Super-resolution networks that train on the pairs: ESRGAN as RealSR uses it.

Nothing is imported here: torch is loaded by the module that needs it.
"""
