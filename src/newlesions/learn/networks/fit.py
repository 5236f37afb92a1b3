"""Training one network of a recipe's stage: cases in, weights out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from newlesions.detect.networks.model import NetworkModel
from newlesions.detect.networks.window import device_of, threads_of
from newlesions.images.files import sha256, write_arrays, write_json, write_text
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.checkpoint import Checkpoint
from newlesions.learn.networks.curve import curve_svg
from newlesions.learn.networks.loop import Report, Training, half_precision
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.makers import candidate_maker, region_maker, synthetic_maker, training_maker
from newlesions.learn.networks.sample import Batches, Maker, Patches, patch_sides
from newlesions.learn.networks.sources import Outputs, Task, chosen, nothing_to_learn, read_source, tasks_of
from newlesions.learn.networks.speed import conv_peak, step_flops
from newlesions.learn.networks.start import begin, judge_of
from newlesions.learn.networks.tell import Teller
from newlesions.learn.networks.validate import mean_dice
from newlesions.networks.build import build, gives_probabilities, patch_multiples
from newlesions.networks.case import Case, read_case
from newlesions.networks.inputs import references
from newlesions.networks.stages import CLASSIFY, TRAINING_ONLY, Limits, Stage
from newlesions.networks.weights import save

WEIGHTS, LOG, CURVE, FACTS = "weights.safetensors", "log.tsv", "curve.svg", "facts.json"


def fit(
    cases: Sequence[Path],
    stage: Stage,
    limits: Limits,
    out: Path,
    *,
    validation: Sequence[Path] = (),
    earlier: NetworkModel | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    tensorboard: Path | None = None,
) -> dict[str, Any]:
    """Train one member of ``stage``; a training that was stopped goes on from its checkpoint as if it had not been.

    The same cases, stage, limits, earlier networks and seed give the same weights on the same kind of device.

    Parameters
    ----------
    cases
        Files of `write_case` that train; those without the mask that the stage learns are left out.
    stage, limits
        What and how; ``limits.steps`` shortens the training, and all schedules with it.
    out
        Folder of weights.safetensors (of the mean weights where ``optimise.ema`` is set), log.tsv, curve.svg and
        facts.json. The checkpoint lies beside it and is removed in the end.
    validation
        Pairs of subjects that do not train. Without any the last weights are taken and nothing ends early.
    earlier
        The trained stages before this one. Their outputs for a case come from networks that have not seen its subject,
        where there are such.
    seed
        Of the first weights, the patches, their augmentation and dropout.
    progress
        Takes a line every few seconds; None: standard output.
    tensorboard
        A folder for its logs; None: none.

    Returns
    -------
    dict
        What is written to facts.json: steps, seconds, patches per second, share of the convolution peak and so on.
        ``cpu_seconds``: of the process, with looks, of the last sitting alone.

    Raises
    ------
    ConfigError
        If no case has what the stage learns from, or the stage asks for what is not there.
    InputError
        If an input or the loss is not finite.
    """
    device, tell = device_of(limits.device), progress or _to_stdout
    steps = stage.optimise.steps if limits.steps is None else min(limits.steps, stage.optimise.steps)
    fingerprint = _fingerprint(cases, validation, stage, limits, earlier, seed)
    checkpoint = Checkpoint(out.with_name(f"{out.name}.checkpoint"), fingerprint)
    checkpoint.clean()
    with threads_of(limits.threads):
        held_out = [read_case(path) for path in validation]
        subject = held_out[0].subject if held_out else None
        trained = [read_case(path) for path in cases]
        batches, learned = _material(trained, stage, limits, earlier, subject, seed, checkpoint)
        torch.manual_seed(seed)
        network = build(stage.network, stage.channels, limits.width)
        frozen = begin(network, stage, earlier, subject, seed)
        network = _on(network, device)
        tasks = [] if stage.task in TRAINING_ONLY else _tasks(held_out, stage, limits, earlier, checkpoint)
        validate = mean_dice(tasks, stage, limits) if tasks else None
        judge = judge_of(stage, earlier, subject, seed)
        loss = Loss(stage.loss, gives_probabilities(stage.network), judge if judge is None else judge.to(device))
        shape, steps_down = batches.make(0).inputs.shape[2:], patch_multiples(stage.network)
        narrowest = min(side // step for side, step in zip(shape, steps_down, strict=True))
        half = half_precision(device, narrowest) if stage.optimise.amp else None
        training = Training(network, loss, stage.optimise, steps, seed, f"training of {stage.name}", frozen, half)
        workers = limits.threads if device.type == "cuda" else 1

        def each(first: int) -> Iterator[Batch]:
            return batches.each(first, workers)

        with closing(Teller(stage.name, tell, tensorboard)) as teller:
            began = time.process_time()
            network = training.run(each, checkpoint, validate, teller)
            spent = time.process_time() - began
        facts = _facts(training, batches, learned, device, limits) | {"cpu_seconds": round(spent, 3)}
    out.mkdir(parents=True, exist_ok=True)
    save(out / WEIGHTS, network, {"stage": stage.name, "network": json.dumps(stage.network, sort_keys=True)})
    write_text(out / LOG, log_text(training.report))
    write_text(out / CURVE, curve_svg(training.report.log, stage.name, training.report.best))
    write_json(out / FACTS, facts)
    checkpoint.remove()
    return facts


def log_text(report: Report) -> str:
    """The log as a table: step, loss, lr and the score of looks."""
    rows = ["step\tloss\tlr\tvalidation"]
    for row in report.log:
        score = "" if row.score is None else f"{row.score:.6g}"
        rows += [f"{row.step}\t{row.loss:.6g}\t{row.lr:.6g}\t{score}"]
    return "\n".join(rows) + "\n"


def _material(
    cases: Sequence[Case],
    stage: Stage,
    limits: Limits,
    earlier: NetworkModel | None,
    left_out: str | None,
    seed: int,
    checkpoint: Checkpoint,
) -> tuple[Batches, dict[str, int]]:
    """The batches of the training, and how much they are made of."""
    multiple = patch_multiples(stage.network)
    sides = patch_sides(stage, limits.patch, multiple)
    subjects = len({case.subject for case in cases})
    maker: Maker | None = None
    if stage.task in TRAINING_ONLY or stage.sample.synthetic >= 1:
        maker = training_maker(stage, cases, sides, earlier, limits, left_out, seed)
        return Batches(None, maker, stage, seed, multiple), {"cases": len(cases), "subjects": subjects}
    tasks = _tasks(cases, stage, limits, earlier, checkpoint)
    if not tasks:
        raise nothing_to_learn(stage, False)
    if stage.task == "classify_regions":
        maker = region_maker(stage, tasks, limits)
        return Batches(None, maker, stage, seed, multiple), {"cases": len(tasks), "subjects": subjects}
    if stage.task == CLASSIFY:
        return Batches(None, candidate_maker(stage, tasks, sides), stage, seed), {
            "cases": len(tasks),
            "subjects": subjects,
        }
    sources = chosen([read_source(task, stage, outputs) for task, outputs in tasks], stage)
    if stage.sample.synthetic > 0:
        maker = synthetic_maker(stage, cases, sides, earlier, limits, left_out, seed)
    learned = {
        "cases": len(sources),
        "subjects": subjects,
        "lesions": sum(len(source.lesions[1]) for source in sources),
        "lesion_voxels": sum(len(source.lesions[0]) for source in sources),
    }
    return Batches(Patches(sources, stage, sides), maker, stage, seed, multiple), learned


def _tasks(
    cases: Sequence[Case], stage: Stage, limits: Limits, earlier: NetworkModel | None, checkpoint: Checkpoint
) -> list[tuple[Task, Outputs]]:
    """What there is to learn, each with what earlier stages say of the case."""
    found = []
    wanted = sorted(set().union(*(references(expression) for expression in stage.expressions)))
    for case in cases:
        for task in tasks_of(case, stage):
            outputs = _outputs(task, wanted, limits, earlier, checkpoint) if wanted and earlier is not None else {}
            found.append((task, outputs))
    return found


def _outputs(
    task: Task, wanted: Sequence[str], limits: Limits, earlier: NetworkModel, checkpoint: Checkpoint
) -> Outputs:
    """What networks that have not seen a subject say of its pair, kept beside the checkpoint as float16."""
    from newlesions.detect.networks.apply import outputs

    case = task.case
    keys = [key.replace("(flair)", f"({task.visit})") for key in wanted]
    first = hashlib.sha256(case.baseline.tobytes()).hexdigest()[:16]  # the pair backwards has other outputs
    path = checkpoint.folder / f"{checkpoint.fingerprint[:16]}_{case.pair}_{first}_{task.visit or 'pair'}.npz"
    if not path.is_file():
        made = outputs(case, earlier, keys, limits, left_out=case.subject)
        write_arrays(path, {key: made[key].astype(np.float16) for key in keys})
    with np.load(path, allow_pickle=False) as held:
        return {key: held[key].astype(np.float32) for key in keys}


def _on(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    network = network.to(device)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        two_dimensional = any(isinstance(part, torch.nn.Conv2d) for part in network.modules())
        network = network.to(memory_format=torch.channels_last if two_dimensional else torch.channels_last_3d)
    return network


def _facts(
    training: Training, batches: Batches, learned: dict[str, int], device: torch.device, limits: Limits
) -> dict[str, Any]:
    report = training.report
    batch = batches.make(0).to(device)
    flops = step_flops(training.network, training.loss, batch) / len(batch.weight)
    peak = conv_peak(device, training.half)
    speed = report.patches / report.seconds if report.seconds else 0.0
    return {
        **learned,
        "parameters": sum(parameter.numel() for parameter in training.network.parameters()),
        "patch": list(batch.inputs.shape[2:]),
        "batch": len(batch.weight),
        "steps": report.steps,
        "seconds": round(report.seconds, 1),
        "patches_per_second": float(f"{speed:.4g}"),
        "flops_per_patch": float(f"{flops:.4g}"),
        "conv_peak_flops": float(f"{peak:.4g}"),
        "share_of_conv_peak": float(f"{speed * flops / peak:.3g}"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": str(training.half or torch.float32).removeprefix("torch."),
        "threads": limits.threads,
        "torch": str(torch.__version__),
        "loss": report.log[-1].loss if report.log else None,
        "looks": len(training.looks),
        "validation": report.best[1] if report.best else (report.log[-1].score if report.log else None),
        "chosen_step": report.best[0] if report.best else report.steps,
        "stopped_early": report.stopped,
    }


def _fingerprint(
    cases: Sequence[Path],
    validation: Sequence[Path],
    stage: Stage,
    limits: Limits,
    earlier: NetworkModel | None,
    seed: int,
) -> str:
    """Of all that bears on the weights. Files count by their content, since they may be made anew between sittings."""
    kept = dataclasses.asdict(limits)
    content = {
        "stage": {"name": stage.name, **stage.plain()},
        "limits": {name: kept[name] for name in ("width", "patch", "steps")},
        "cases": [sha256(path) for path in cases],
        "validation": [sha256(path) for path in validation],
        "earlier": [
            [name, sha256(member.path), list(member.left_out)]
            for name, some in (earlier.members.items() if earlier is not None else ())
            for member in some
        ],
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _to_stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
