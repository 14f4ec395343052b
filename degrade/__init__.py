"""Real-world degradation data for image super-resolution.

Measure the blur and noise of real photos, keep them in a pool, and apply them to clean photos.
Nothing is imported here: ``import degrade`` must stay free of charge.
"""

__version__ = "0.1.0"
