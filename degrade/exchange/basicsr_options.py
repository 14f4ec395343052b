"""Options of BasicSR and of Real-ESRGAN, which runs on it (YAML)."""

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

__all__ = ["basicsr_options", "realesrgan_options"]


def basicsr_options(data: TrainingSet, phase: TrainingPhase) -> OptionTree:
    """Return BasicSR's options: ``python basicsr/train.py -opt FILE``."""
    is_lmdb = data.pair_list is None
    adam = {"type": "Adam", "lr": RATE[phase], "weight_decay": 0, "betas": BETAS}
    options: OptionTree = {
        "name": f"{data.name}_{phase}",
        "model_type": "SRModel",
        "scale": data.scale,
        "num_gpu": 1,
        "manual_seed": 0,
        "datasets": {
            "train": {
                "name": data.name,
                "type": "PairedImageDataset",
                "dataroot_gt": text_of(data.hr),
                "dataroot_lq": text_of(data.lr),
                "io_backend": {"type": "lmdb" if is_lmdb else "disk"},
                "gt_size": data.patch,
                "use_hflip": True,
                "use_rot": True,
                "num_worker_per_gpu": WORKERS,
                "batch_size_per_gpu": BATCH,
                "dataset_enlarge_ratio": 1,
                "prefetch_mode": None,
            }
        },
        "network_g": _basicsr_generator(data.scale),
        "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
        "train": {
            "ema_decay": 0.999,
            "optim_g": adam,
            "scheduler": {"type": "MultiStepLR"} | milestones(phase),
            "total_iter": TOTAL[phase],
            "warmup_iter": -1,
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
        },
        "logger": {"print_freq": 100, "save_checkpoint_freq": 5000, "use_tb_logger": True},
    }
    if phase == "gan":
        options["model_type"] = "ESRGANModel"
        options["network_d"] = {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 64}
        options["path"] |= {
            "pretrain_network_g": f"experiments/{data.name}_psnr/models/net_g_latest.pth",
            "param_key_g": "params_ema",
        }
        options["train"] |= {"optim_d": adam} | _basicsr_losses(0.01, {"conv5_4": 1.0}, 0.005)
    return options


def _basicsr_generator(scale: int) -> OptionTree:
    ends: OptionTree = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 64}
    if scale == 3:  # its RRDBNet enlarges by 4 whatever it is told
        return {"type": "MSRResNet"} | ends | {"num_block": 16, "upscale": 3}
    return {"type": "RRDBNet"} | ends | {"scale": scale, "num_block": 23, "num_grow_ch": 32}


def _basicsr_losses(pixel: float, layers: dict[str, float], adversarial: float) -> OptionTree:
    return {
        "pixel_opt": {"type": "L1Loss", "loss_weight": pixel, "reduction": "mean"},
        "perceptual_opt": {
            "type": "PerceptualLoss",
            "layer_weights": layers,
            "vgg_type": "vgg19",
            "use_input_norm": True,
            "range_norm": False,
            "perceptual_weight": 1.0,
            "style_weight": 0,
            "criterion": "l1",
        },
        "gan_opt": {
            "type": "GANLoss",
            "gan_type": "vanilla",
            "real_label_val": 1.0,
            "fake_label_val": 0.0,
            "loss_weight": adversarial,
        },
        "net_d_iters": 1,
        "net_d_init_iters": 0,
    }


def realesrgan_options(data: TrainingSet, phase: TrainingPhase) -> OptionTree:
    """Return Real-ESRGAN's options for given pairs: ``python realesrgan/train.py -opt FILE``."""
    options = basicsr_options(data, phase)
    train = options["datasets"]["train"]
    train["type"] = "RealESRGANPairedDataset"
    if data.pair_list is not None:
        root = text_of(data.pair_list.parent)
        train |= {"dataroot_gt": root, "dataroot_lq": root, "meta_info": text_of(data.pair_list)}
    if phase == "gan":
        options |= {
            "model_type": "RealESRGANModel",
            "high_order_degradation": False,
            "l1_gt_usm": True,
            "percep_gt_usm": True,
            "gan_gt_usm": False,
        }
        layers = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
        options["train"] |= _basicsr_losses(1.0, layers, 0.1)
    return options
