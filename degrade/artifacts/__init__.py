"""Where a GAN's result breaks, told by a second result of the same photo that has no texture.

A network that was trained by pixels alone (its is the MSE result) draws too little texture, and
none that is wrong. Where a GAN's result has far more of it, it has most often invented it.

References
----------
Xie, Wang, Chen, Li, Shan, Zhou, Dong, "DeSRA: Detect and Delete the Artifacts of GAN-based
Real-World Super-Resolution Models", ICML 2023, arXiv 2307.02457.
"""

from __future__ import annotations

from degrade.artifacts.agreement import MaskAgreement, compare_masks
from degrade.artifacts.calibration import (
    TextureSamples,
    TextureWeights,
    calibrate,
    sample_textures,
)
from degrade.artifacts.classes import ADE20K_CLASSES, class_weights, weights_of_labels
from degrade.artifacts.detection import Detection, DetectionSettings, detect_artifacts
from degrade.artifacts.regions import Region, rank_regions
from degrade.artifacts.repair import (
    FEATHER,
    RepairScores,
    compare_repair,
    grow_flagged,
    pseudo_truth,
)
from degrade.artifacts.similarity import SMALLEST_SIDE, texture_similarity

__all__ = [
    "ADE20K_CLASSES",
    "FEATHER",
    "SMALLEST_SIDE",
    "Detection",
    "DetectionSettings",
    "MaskAgreement",
    "Region",
    "RepairScores",
    "TextureSamples",
    "TextureWeights",
    "calibrate",
    "class_weights",
    "compare_masks",
    "compare_repair",
    "detect_artifacts",
    "grow_flagged",
    "pseudo_truth",
    "rank_regions",
    "sample_textures",
    "texture_similarity",
    "weights_of_labels",
]
