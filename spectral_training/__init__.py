"""Training the network behind ``degrade.spectral``: photos in, a weights file out.

Run it as ``python -m spectral_training``; nothing else in the project needs it.
"""
