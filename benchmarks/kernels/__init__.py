"""How good the estimators of blur kernels are: ``python -m benchmarks.kernels``.

Every method on every set: kernel PSNR, PSNR of the photo degraded again, seconds, memory; beside
floors, which look at no photo, and walls, which look at the truth.
"""
