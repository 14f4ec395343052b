"""Options of traiNNer-redux (YAML)."""

from __future__ import annotations

from degrade.exchange.option_text import OptionTree
from degrade.exchange.recipes import (
    BATCH,
    BETAS,
    RATE,
    TOTAL,
    WORKERS,
    TrainingPhase,
    TrainingSet,
    milestones,
    text_of,
)

__all__ = ["trainner_options"]


def trainner_options(data: TrainingSet, phase: TrainingPhase) -> OptionTree:
    """Return traiNNer-redux's options: ``python train.py --auto_resume -opt FILE``."""
    adam = {"type": "AdamW", "lr": RATE[phase], "weight_decay": 0, "betas": BETAS}
    options: OptionTree = {
        "name": f"{data.name}_{phase}",
        "scale": data.scale,
        "use_amp": True,
        "num_gpu": "auto",
        "datasets": {
            "train": {
                "name": data.name,
                "type": "pairedimagedataset",
                "dataroot_gt": [text_of(data.hr)],
                "dataroot_lq": [text_of(data.lr)],
                "lq_size": data.patch // data.scale,
                "use_hflip": True,
                "use_rot": True,
                "num_worker_per_gpu": WORKERS,
                "batch_size_per_gpu": BATCH,
            }
        },
        "network_g": {"type": "esrgan", "use_pixel_unshuffle": True},
        "path": {"strict_load_g": True},
        "train": {
            "ema_decay": 0.999,
            "optim_g": adam,
            "scheduler": {"type": "MultiStepLR"} | milestones(phase),
            "total_iter": TOTAL[phase],
            "warmup_iter": -1,
            "losses": [{"type": "l1loss", "loss_weight": 1.0}],
        },
        "logger": {"print_freq": 100, "save_checkpoint_freq": 5000, "use_tb_logger": True},
    }
    if phase == "gan":
        options["network_d"] = {"type": "unetdiscriminatorsn"}
        options["path"]["pretrain_network_g"] = (
            f"experiments/{data.name}_psnr/models/net_g_ema_latest.safetensors"
        )
        options["train"] |= {
            "optim_d": adam,
            "losses": [
                {"type": "l1loss", "loss_weight": 0.01},
                {
                    "type": "perceptualloss",
                    "criterion": "l1",
                    "loss_weight": 1.0,
                    "layer_weights": {"conv5_4": 1.0},
                },
                {"type": "ganloss", "gan_type": "vanilla", "loss_weight": 0.005},
            ],
        }
    return options
