"""The help of a command: its options by what they are for, and examples."""

from __future__ import annotations

import functools

import click

from pipelines.cli.usage import PlainCommand

__all__ = ["EXAMPLES", "OPTION_GROUPS", "HelpfulCommand", "command"]

_FEW = 8
"""So many options need no groups."""

OPTION_GROUPS: dict[str, tuple[str, ...]] = {
    "Files": (
        "pairs",
        "validation",
        "best_by",
        "best_by_weights",
        "cache",
        "pool",
        "fingerprint",
        "hr",
        "lr",
        "photos",
        "real",
        "niqe_from",
        "lpips",
        "dists",
        "pyiqa",
        "sr",
        "lr_name",
        "sr_name",
        "mse_name",
        "all_variants",
        "out",
        "out_mat",
        "csv",
        "picture",
        "format",
        "suffix",
        "sheet",
        "overwrite",
        "weights",
        "other",
        "mse",
        "gan",
        "held_out",
        "clean",
        "labels",
        "segmenter",
        "classes",
        "truth",
        "maps",
        "results",
        "reference",
    ),
    "What raters see": ("kind", "show_reference", "questions", "per_rater", "check_every"),
    "What counts": ("threshold", "min_area", "tolerance"),
    "What is made": (
        "scale",
        "hr_size",
        "recipe",
        "noise",
        "noise_from",
        "linear_light",
        "response",
        "model_error",
        "error_spectrum",
        "jpeg",
        "aim",
        "directions",
        "prior",
        "sharper",
        "clean_up",
        "shard_mib",
        "min_confidence",
        "seed",
    ),
    "Kernels": ("method", "camera", "shared", "regions", "iterations", "constraints"),
    "Noise": ("patch_size", "stride", "max_variance", "min_mean", "max_patches"),
    "The recipe": (
        "preset",
        "stages",
        "config_file",
        "settings",
        "show_config",
        "init",
        "init_discriminator",
        "vgg_weights",
        "features",
        "steps",
        "batch_size",
        "hr_patch",
        "share",
    ),
    "What is measured": ("border",),
    "The result": ("alpha", "samples", "flips", "mirror", "keep_profile"),
    "Saving": ("save_every", "keep", "keep_best", "max_minutes", "tensorboard"),
    "Where it runs": (
        "jobs",
        "workers",
        "backend",
        "scheduler",
        "device",
        "precision",
        "compile",
        "tile",
        "max_memory",
        "max_pixels",
    ),
}
"""Titles, in order, and the parameters below them. Other parameters stand under "Options"."""

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "demo": (
        ("degrade demo", "the whole chain on photos that come with it"),
        ("degrade demo --out try/ --jobs 2", "elsewhere, on two cores"),
    ),
    "history": (
        ("degrade history photos/", "a table of what was done to each photo"),
        ("degrade history photos/ --csv photos.csv --picture photos.png", "as files too"),
        ("degrade history photos/ --pool pool/", "kept there: a stopped run goes on"),
    ),
    "build-pool": (
        ("degrade build-pool photos/ --pool pool/", "kernels and noise of all photos"),
        (
            "degrade build-pool phone/ --pool of-phone/ --scale 2 --min-confidence 0.5",
            "×2, and only what is sure",
        ),
    ),
    "estimate-kernels": (
        ("degrade estimate-kernels photos/ --pool pool/", "a kernel for each photo"),
        (
            "degrade estimate-kernels photos/ --pool pool/ --camera D850",
            "all of one camera, whatever they say",
        ),
        ("degrade estimate-kernels photos/ --pool pool/ --shared", "one kernel of one camera"),
        (
            "degrade estimate-kernels photos/ --pool corners/ --regions 3x3",
            "nine a photo, by where they are",
        ),
        (
            "degrade estimate-kernels a.jpg --pool gan/ --method kernelgan",
            "the published method, minutes a photo",
        ),
    ),
    "extract-noise": (
        ("degrade extract-noise photos/ --pool pool/", "patch sizes chosen by the photos"),
        ("degrade extract-noise photos/ --pool pool/ --min-confidence 0.5", "no JPEG blocks"),
    ),
    "import-kernels": (
        ("degrade import-kernels results/ --pool pool/", "what KernelGAN wrote"),
        ("degrade import-kernels kernels_12.mat --pool pool/ --scale 2", "a stack, for ×2"),
    ),
    "import-noise": (
        ("degrade import-noise collect_noise/ --pool pool/", "RealSR's noise patches"),
        ("degrade import-noise a.png b.png --pool pool/", "single patches"),
    ),
    "inspect": (
        ("degrade inspect pool/", "what a pool holds, the summary last"),
        ("degrade inspect pool/ --sheet pool.png", "the same as a picture"),
        ("degrade inspect pairs/ --sheet pairs.png", "LR, bicubic and HR side by side"),
    ),
    "report": (
        ("degrade report pool/ -o pool.html", "kernels, noise and photos, on one page"),
        ("degrade report pairs/ -o pairs.html", "pairs with a slider, and their plans"),
        (
            "degrade report pool/ pairs/ model/ audit.json -o all.html",
            "all on one page; the JSON is of degrade --report audit.json audit",
        ),
    ),
    "fingerprint": (
        ("degrade fingerprint pool/ -o camera.json", "a camera in one file, without photos"),
        (
            "degrade fingerprint pool/ -o d850.json --camera D850",
            "of one of several cameras",
        ),
    ),
    "build-pairs": (
        ("degrade build-pairs --pool pool/ --hr clean/ --out pairs/", "pairs of clean photos"),
        ("degrade build-pairs --pool pool/ --out pairs/", "pairs of the pool's own photos, halved"),
        (
            "degrade build-pairs --pool pool/ --hr clean/ --out s3://bucket/pairs --format lmdb",
            "LMDB, in object storage",
        ),
        (
            "degrade build-pairs --pool pool/ --hr clean/ --recipe mine.toml --out pairs/",
            "by a recipe of one's own",
        ),
        (
            "degrade build-pairs --recipe second-order --hr clean/ --out pairs/",
            "nothing measured, and no pool",
        ),
        (
            "degrade build-pairs --fingerprint camera.json --hr clean/ --out pairs/",
            "by what others have measured",
        ),
    ),
    "recipe show": (
        ("degrade recipe show measured", "the recipe of build-pairs, in words and as TOML"),
        ("degrade recipe show mine.toml --pool pool/", "and whether a pool has what it needs"),
    ),
    "verify": (
        ("degrade verify pairs/", "hashes every pair again"),
        ("degrade verify s3://bucket/pairs", "the same in object storage"),
    ),
    "replay": (
        ("degrade replay pairs/ KEY", "makes a pair again and compares it"),
        ("degrade replay pairs/ KEY --out seen/ --pool pool/", "and writes it as PNG"),
    ),
    "audit": (
        ("degrade audit --pairs pairs/ --photos phone/", "does LR look like these photos?"),
        (
            "degrade audit --pairs pairs/ --photos phone/ --sheet audit.png",
            "and a picture: spectra, and the size of what differs",
        ),
    ),
    "detect-artifacts": (
        (
            "degrade detect-artifacts lr/ --mse psnr.pth --gan gan.pth",
            "enlarge by both, compare, and draw what the GAN has invented",
        ),
        (
            "degrade detect-artifacts --mse psnr/ --gan gan/ --clean gan/good.png",
            "of results that are there; one without artefacts calibrates",
        ),
    ),
    "finetune-artifacts": (
        (
            "degrade finetune-artifacts lr/ --mse psnr.pth --gan gan.pth",
            "tuned/generator.pth, a table and a picture of before and after",
        ),
        (
            "degrade finetune-artifacts lr/ --mse psnr.pth --gan gan.pth --held-out other/ "
            "--clean lr/good.png",
            "judged by other photos; one without artefacts calibrates",
        ),
    ),
    "prove": (
        ("degrade prove --pairs pairs/ --real RealSR/x4/", "judged by real pairs of other scenes"),
        ("degrade prove --pairs pairs/ --photos phone/", "judged by photos, for want of better"),
    ),
    "match": (
        ("degrade match phone/ --pool pool/ --hr clean/", "leaves the recipe 'matched' there"),
        (
            "degrade match phone/ --pool pool/ --hr clean/ --aim match --sheet match.png",
            "LR that looks like the photos, and a picture of before and after",
        ),
        (
            "degrade match phone/ --pool pool/ --hr clean/ --clean-up 2",
            "with HR halved, where it is softer than the photos",
        ),
    ),
    "diff": (
        ("degrade diff old-phone/ new-phone/", "what the second camera does differently"),
        ("degrade diff originals/ uploads/ --sheet diff.png", "what a service does, as a picture"),
    ),
    "evaluate": (
        ("degrade evaluate HR/ --sr mine/ --sr theirs/", "two methods side by side"),
        ("degrade evaluate HR/ --sr results/ --csv all.csv --sheet worst.png", "as files too"),
        ("degrade evaluate pairs/ --weights model/", "a model on pairs, beside bicubic"),
    ),
    "selftest": (
        ("degrade selftest HR/", "what to expect of the measurements on such photos"),
        ("degrade selftest HR/ --scale 2 --sheet selftest.png", "kernels of x2, and a picture"),
        ("degrade selftest HR/ --csv selftest.csv", "what each photo gave, too"),
    ),
    "import-pairs": (
        ("degrade import-pairs --hr HR/ --lr LR_x4/ --out pairs/", "pairs that there are already"),
        (
            "degrade import-pairs --hr HR/ --lr LR/ --out pairs/ --lr-name '{name}x4m'",
            "LR files named by a rule",
        ),
    ),
    "export": (
        ("degrade export pairs/ for-basicsr/ --to basicsr-lmdb", "with option files"),
        ("degrade export pairs/ shards/ --to webdataset --jobs 2", "tar files, on two cores"),
    ),
    "train": (
        ("degrade train --pairs pairs/ --out model/", "a small network, on a CPU"),
        (
            "degrade train --pairs pairs/ --preset realsr --init RRDB_PSNR_x4.pth --out model/",
            "RealSR's recipe, on a GPU",
        ),
        (
            "degrade train --hr clean/ --pool pool/ --out model/",
            "on photos, degraded on the fly, by other kernels and noise in every epoch",
        ),
        ("degrade train --pairs pairs/ --preset esrgan --show-config", "prints every setting"),
    ),
    "upscale": (
        ("degrade upscale photo.jpg --weights model/generator.pth --out large/", "one photo"),
        (
            "degrade upscale photos/ --weights x4.pth --out large/ --format jpeg --max-memory 1.5",
            "a folder, within 1.5 GiB",
        ),
    ),
    "study make": (
        (
            "degrade study make s/ --kind mos --results mine=a/ --results other=b/ --reference HR/",
            "scores from 1 to 5, HR among the methods",
        ),
        (
            "degrade study make s/ --kind pairs --results gan=a/ --results fixed=b/ --lr LR/",
            "which has fewer artefacts, which shows more detail?",
        ),
    ),
    "study serve": (
        ("degrade study serve study/", "for raters at this machine"),
        ("degrade study serve study/ --host 0.0.0.0", "for others, by a link with a token"),
    ),
    "study results": (
        ("degrade study results study/", "methods with intervals, and the raters"),
        (
            "degrade study results study/ --drop-failing --csv votes.csv --sheet study.png",
            "without who did not look, and as files",
        ),
    ),
    "convert": (
        ("degrade convert old.pth new.safetensors", "into a file that can run no code"),
        ("degrade convert x4.pth esrgan.pth --naming trunk", "into the names of ESRGAN's release"),
    ),
    "export-model": (
        ("degrade export-model model/generator.pth x4.onnx", "ONNX, for images of any size"),
        ("degrade export-model x4.pth x4.onnx --scale 4", "weights that do not tell their scale"),
    ),
    "manifest make": (
        ("degrade manifest make hr/ --out hr/all.jsonl --role hr", "names, sizes and hashes"),
        (
            "degrade manifest make src/ --out src/all.jsonl --role source --licence CC0-1.0",
            "with terms",
        ),
    ),
    "manifest check": (
        ("degrade manifest check hr/all.jsonl", "whether every file is as it was"),
        ("degrade manifest check hr/all.jsonl --max-pixels 500000000", "of very large photos too"),
    ),
    "manifest split": (
        ("degrade manifest split all.jsonl --train 0.8 --val 0.1 --test 0.1", "by photo"),
        ("degrade manifest split all.jsonl --seed 1", "another split"),
    ),
}
"""By command: at least two that one may paste, and what each does."""


class HelpfulCommand(PlainCommand):
    """A command whose help groups its options and ends with examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options below the titles of ``OPTION_GROUPS``, if there are many."""
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        titles = {name: title for title, names in OPTION_GROUPS.items() for name in names}
        grouped = {
            title: [p for p in params if titles.get(str(p.name)) == title]
            for title in OPTION_GROUPS
        }
        if len(params) <= _FEW:
            grouped = {}
        known = [param for group in grouped.values() for param in group]
        grouped["Options"] = [param for param in params if param not in known]
        for title, group in grouped.items():
            records = [record for param in group if (record := param.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        name = " ".join(ctx.command_path.split()[1:])
        with formatter.section("Examples"):
            for line, meaning in EXAMPLES.get(name, ()):
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
                formatter.write(f"{'':>{formatter.current_indent + 4}}{meaning}\n")


command = functools.partial(click.command, cls=HelpfulCommand)
"""``click.command`` for commands of the program."""
