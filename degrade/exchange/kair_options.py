"""Options of KAIR (JSON)."""

from __future__ import annotations

from degrade.exchange.option_text import OptionTree
from degrade.exchange.recipes import (
    BATCH,
    RATE,
    WORKERS,
    TrainingPhase,
    TrainingSet,
    milestones,
    text_of,
)

__all__ = ["kair_options"]

_NEVER = 10**9
_INIT = {"init_type": "orthogonal", "init_bn_type": "uniform", "init_gain": 0.2}


def kair_options(data: TrainingSet, phase: TrainingPhase) -> OptionTree:
    """Return KAIR's options: ``python main_train_psnr.py --opt FILE``, ``main_train_gan.py``.

    KAIR finds the weights to begin with in its own ``models`` folder, whatever an option says.
    """
    options: OptionTree = {
        "task": f"{data.name}_{phase}",
        "model": "plain" if phase == "psnr" else "gan",
        "gpu_ids": [0],
        "scale": data.scale,
        "n_channels": 3,
        "path": {"root": "superresolution", "pretrained_netG": None},
        "datasets": {
            "train": {
                "name": data.name,
                "dataset_type": "sr",
                "dataroot_H": text_of(data.hr),
                "dataroot_L": text_of(data.lr),
                "H_size": data.patch,
                "dataloader_shuffle": True,
                "dataloader_num_workers": WORKERS,
                "dataloader_batch_size": BATCH,
            }
        },
        "netG": {
            "net_type": "rrdb",
            "in_nc": 3,
            "out_nc": 3,
            "nc": 64,
            "nb": 23,
            "gc": 32,
            "act_mode": "L",
            "upsample_mode": "upconv",
        }
        | _INIT,
        "train": {
            "G_lossfn_type": "l1",
            "G_lossfn_weight": 1.0,
            "E_decay": 0.999,
            "checkpoint_save": 5000,
            "checkpoint_print": 200,
            "checkpoint_test": _NEVER,  # there is no test set
        }
        | _schedule("G", phase),
    }
    if phase == "gan":
        options["path"]["pretrained_netD"] = None
        options["netD"] = {
            "net_type": "discriminator_patchgan",
            "in_nc": 3,
            "base_nc": 64,
            "n_layers": 3,
            "norm_type": "spectral",
        } | _INIT
        options["train"] |= {
            "G_lossfn_weight": 0.01,
            "F_lossfn_type": "l1",
            "F_lossfn_weight": 1.0,
            "F_feature_layer": 34,
            "F_weights": 1.0,
            "F_use_input_norm": True,
            "F_use_range_norm": False,
            "gan_type": "ragan",
            "D_lossfn_weight": 0.005,
            "D_init_iters": 0,
        } | _schedule("D", phase)
    return options


def _schedule(network: str, phase: TrainingPhase) -> OptionTree:
    halving = milestones(phase)
    return {
        f"{network}_optimizer_type": "adam",
        f"{network}_optimizer_lr": RATE[phase],
        f"{network}_optimizer_wd": 0,
        f"{network}_scheduler_type": "MultiStepLR",
        f"{network}_scheduler_milestones": halving["milestones"],
        f"{network}_scheduler_gamma": halving["gamma"],
    }
