"""What applying networks costs, against MONAI's sliding window, and in a bucket against single jobs.

    python benchmarks/network.py [--model MODEL_DIR] [--mm 2] [--threads 2] [--pairs 20]

The first table: one stage on one pair, MNI's brain in the field of view that a scan of the head has. "plain" is MONAI's
`sliding_window_inference` over the whole volume. With MODEL_DIR the answer of a trained model is compared, else that of
a small network which learns here to find blobs in noise. The second: small pairs in one job, and each in its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.commands.results_table import aligned
from newlesions.detect.networks.members import apply_stage, window_sides
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.detect.networks.window import threads_of
from newlesions.detect.regions import load_regions
from newlesions.images.files import write_json
from newlesions.images.io import write_volume
from newlesions.images.morphology import Mask
from newlesions.images.volume import Grid, Volume
from newlesions.networks.build import build
from newlesions.networks.stages import Limits, Predict, Sample, Stage
from newlesions.networks.weights import save
from newlesions.steps.adapter import run_step
from newlesions.steps.working import WorkingSpace, write_working

_FIELD_MM = (192, 240, 240)
"""Of a usual FLAIR scan of the whole head."""

_SMALL = (40, 48, 40)

Image = NDArray[np.float32]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a trained model's folder (a small network trained here)")
    parser.add_argument("--mm", type=float, default=2.0, help="the edge of a voxel (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (%(default)s)")
    parser.add_argument("--pairs", type=int, default=20, help="small pairs in the bucket (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        model = NetworkModel.read(args.model) if args.model else small_model(Path(name) / "model", steps=60)
        limits = model.within(Limits(device="cpu", threads=args.threads))
        print(aligned([["what", "plain s", "ours s", "ratio", "Dice"], *windows(model, limits, args.mm)]), flush=True)
        print()
        print(aligned([["what", "single s", "bucket s", "share"], bucket(Path(name), args.pairs, args.threads)]))


def windows(model: NetworkModel, limits: Limits, spacing: float) -> list[list[str]]:
    """Of the model's answer, and of the same network with windows as large as the brain."""
    stage = model.answer
    if stage.sample.views:
        raise SystemExit(f"{stage.name}: found a 2D network; expected a 3D one, as the plain way is 3D")
    networks, brain = model.networks(stage.name), brain_in_field(spacing)
    image, _ = blobs(len(stage.inputs), brain)
    plainly(stage, networks, image[:, :64, :64, :64], limits)  # libraries prepare themselves in their first call
    start = perf_counter()
    plain = plainly(stage, networks, image, limits)
    reference, rows = perf_counter() - start, []
    large = replace(stage.predict, window=(256, 256, 256))
    for name, predict in (("the same windows", stage.predict), ("windows of the brain's size", large)):
        start = perf_counter()
        ours = apply_stage(replace(stage, predict=predict), networks, image, brain, limits)
        seconds = perf_counter() - start
        dice = overlap(plain >= predict.threshold, ours >= predict.threshold, brain)
        size = "x".join(map(str, brain.shape))
        rows.append(
            [f"{size}, {name}", f"{reference:.1f}", f"{seconds:.1f}", f"{reference / seconds:.1f}", f"{dice:.4f}"]
        )
    return rows


def plainly(stage: Stage, networks: list[torch.nn.Module], image: Image, limits: Limits) -> Image:
    """The members' mean probability by MONAI's function over everything."""
    tensor = torch.from_numpy(image)[None]
    total = np.zeros(image.shape[1:], np.float32)
    with torch.inference_mode(), threads_of(limits.threads):
        for network in networks:
            network.to(memory_format=torch.contiguous_format)
            logits = sliding_window_inference(
                tensor,
                window_sides(stage, limits),
                1,
                network,
                overlap=stage.predict.overlap,
                mode=stage.predict.weighting,
            )
            total += torch.sigmoid(logits[0, 0]).numpy()
    return total / len(networks)


def overlap(one: Mask, other: Mask, brain: Mask) -> float:
    """Dice within the brain."""
    return 2.0 * float((one & other & brain).sum()) / float((one & brain).sum() + (other & brain).sum())


def brain_in_field(spacing: float) -> Mask:
    """MNI's brain in the middle and top of a head scan's field of view."""
    regions = load_regions()
    zoom = regions.spacing / spacing
    brain = ndimage.zoom((regions.data > 0).astype(np.uint8), zoom, order=0) > 0
    field = np.zeros([round(n / spacing) for n in _FIELD_MM], np.bool_)
    start = [(n - m) // 2 for n, m in zip(field.shape, brain.shape, strict=True)]
    field[tuple(slice(n, n + m) for n, m in zip(start, brain.shape, strict=True))] = brain
    return field


def blobs(channels: int, brain: Mask) -> tuple[Image, Mask]:
    """Noise in the brain, 0 outside, with bright blobs in the last channel; and where these are."""
    rng = np.random.default_rng(0)
    places = np.zeros(brain.shape, np.bool_)
    inside = np.argwhere(brain)
    for centre in inside[rng.integers(0, len(inside), 60)]:
        places[tuple(centre)] = True
    places = (ndimage.distance_transform_edt(~places) < 2.5) & brain
    image = rng.normal(0, 0.5, (channels, *brain.shape))
    image[-1] += 2 * ndimage.gaussian_filter(places.astype(np.float32), 0.7)
    return np.where(brain, image, 0).astype(np.float32), places


def small_model(folder: Path, steps: int) -> NetworkModel:
    """A small U-Net, trained for some steps to find blobs; normed by what it has learned, not by each window."""
    network = {"name": "unet3d", "channels": [8, 16, 32], "norm": "batch"}
    sample, predict = Sample(patch=(32, 32, 32)), Predict(overlap=0.5)
    stage = Stage("new", "segment_new", ("baseline", "followup"), network, sample=sample, predict=predict)
    torch.manual_seed(0)
    module = build(network, 2)
    if steps:
        train(module, steps)
    save(folder / "made.safetensors", module)
    model = NetworkModel("benchmark", {"new": stage}, {"new": [Member(folder / "made.safetensors")]})
    model.write(folder)
    return model


def train(module: torch.nn.Module, steps: int) -> None:
    """Cross-entropy over random patches of one image."""
    image, places = blobs(2, np.ones((64, 64, 64), np.bool_))
    rng = np.random.default_rng(1)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    for _ in range(steps):
        i, j, k = rng.integers(0, 33, 3)
        patch = (slice(i, i + 32), slice(j, j + 32), slice(k, k + 32))
        target = torch.from_numpy(places[patch].astype(np.float32))[None, None]
        logits = module(torch.from_numpy(image[(slice(None), *patch)].copy())[None])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def bucket(folder: Path, count: int, threads: int) -> list[str]:
    """Pairs in one job, and each in its own, as the workflow starts them."""
    small_model(folder / "small", steps=0)
    pairs = [small_pair(folder / f"pair-{n:02d}", n) for n in range(count)]
    start = perf_counter()
    job(folder, pairs, "bucket", threads)
    together, start = perf_counter() - start, perf_counter()
    for pair in pairs:
        job(folder, [pair], pair["pair"], threads)
    single = perf_counter() - start
    return [f"{count} pairs", f"{single:.1f}", f"{together:.1f}", f"{together / single:.0%}"]


def job(folder: Path, pairs: list[dict[str, str]], name: str, threads: int) -> None:
    """The step `network` in a process of its own."""
    call = folder / f"{name}.call.json"
    write_json(call, {"pairs": pairs, "folder": str(folder), "name": name, "threads": threads})
    subprocess.run([sys.executable, __file__, "--job", str(call)], check=True)


def run_job(call: dict[str, Any]) -> int:
    """What that process does."""
    folder = Path(call["folder"])
    return run_step(
        "network",
        inputs={"model_files": [folder / "small" / "model.json"]},
        outputs={"report": folder / f"{call['name']}.json"},
        params={
            "pairs": call["pairs"],
            "limits": {"device": "cpu", "threads": call["threads"]},
            "candidates": {},
            "digests": {},
        },
        log=folder / f"{call['name']}.log",
    )


def small_pair(folder: Path, seed: int) -> dict[str, str]:
    """The work files of a pair at 4 mm."""
    affine = np.diag([4.0, 4, 4, 1])
    brain = np.zeros(_SMALL, np.bool_)
    brain[4:-4, 4:-4, 4:-4] = True
    rng = np.random.default_rng(seed)
    for name in ("baseline", "followup"):
        image = (100 + rng.normal(0, 5, _SMALL)).astype(np.float32)
        write_volume(folder / f"{name}.nii.gz", Volume(image, affine), level=1)
        write_json(folder / f"{name}.json", {"spacing_mm": [4.0, 4.0, 4.0]})
    write_volume(folder / "brain.nii.gz", Volume(brain, affine))
    write_volume(folder / "change.nii.gz", Volume(np.zeros(_SMALL, np.uint8), affine))
    identity = {f"{name}_from_halfway": np.eye(4) for name in ("baseline", "followup", "mni")}
    write_working(folder / "working.json", WorkingSpace.of("halfway", identity, Grid(_SMALL, affine)))
    files = {name: folder / f"{name}.nii.gz" for name in ("baseline", "followup", "brain", "change", "rise", "fall")}
    files |= {f"{name}_report": folder / f"{name}.json" for name in ("baseline", "followup")}
    files["working"] = folder / "working.json"
    return {"pair": folder.name, "subject": f"{seed:02d}", **{name: str(path) for name, path in files.items()}}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        from newlesions.images.files import read_json

        sys.exit(run_job(read_json(Path(sys.argv[2]))))
    main()
