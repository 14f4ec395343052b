"""Options of neosr (TOML)."""

from __future__ import annotations

from degrade.exchange.option_text import OptionTree
from degrade.exchange.recipes import (
    BATCH,
    BETAS,
    RATE,
    TOTAL,
    TrainingPhase,
    TrainingSet,
    milestones,
    text_of,
)

__all__ = ["neosr_options"]


def neosr_options(data: TrainingSet, phase: TrainingPhase) -> OptionTree:
    """Return neosr's options: ``python train.py -opt FILE``; its patches are LR ones."""
    adam = {"type": "adamw", "lr": RATE[phase], "betas": BETAS, "weight_decay": 0.0}
    options: OptionTree = {
        "name": f"{data.name}_{phase}",
        "model_type": "image",
        "scale": data.scale,
        "use_amp": True,
        "bfloat16": True,
        "datasets": {
            "train": {
                "type": "paired",
                "dataroot_gt": text_of(data.hr),
                "dataroot_lq": text_of(data.lr),
                "patch_size": data.patch // data.scale,
                "batch_size": BATCH,
            }
        },
        # Its ESRGAN enlarges ×3 by 4.
        "network_g": {"type": "rcan" if data.scale == 3 else "esrgan"},
        "path": {"strict_load_g": True},
        "train": {
            "ema": 0.999,
            "optim_g": adam,
            "scheduler": {"type": "multisteplr"} | milestones(phase),
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0},
        },
        "logger": {"total_iter": TOTAL[phase], "save_checkpoint_freq": 5000, "use_tb_logger": True},
    }
    if phase == "gan":
        options["network_d"] = {"type": "unet"}
        options["path"]["pretrain_network_g"] = (
            f"experiments/{data.name}_psnr/models/net_g_latest.pth"
        )
        options["train"] |= {
            "optim_d": adam,
            "pixel_opt": {"type": "L1Loss", "loss_weight": 0.01},
            "perceptual_opt": {
                "type": "vgg_perceptual_loss",
                "loss_weight": 1.0,
                "criterion": "l1",
                "layer_weights": {"conv5_4": 1.0},
            },
            "gan_opt": {"type": "gan_loss", "gan_type": "bce", "loss_weight": 0.005},
        }
    return options
