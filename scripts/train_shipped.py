#!/usr/bin/env python3
"""Train the model that ships with a recipe (`boosted`, `newlesions`), from finished runs, and write its card.

    python scripts/train_shipped.py real=OUT:REFERENCES synthetic=OUT:REFERENCES:PARTICIPANTS \\
        simulated=OUT:REFERENCES --recipe boosted --work WORK --out src/newlesions/data/models/boosted

Each NAME=OUT:REFERENCES is the results folder of a `newlesions run` (to its candidates at least, work files kept) and a
BIDS derivative with reference masks; the same NAME may come twice. PARTICIPANTS, a participants.tsv with the column
`source`, says which real subject a synthetic pair was made of: no model is scored on a pair of a source that it has
seen in any form. `newlesions train` does the same for one cohort whose subjects are independent.

A recipe with a network: three networks, each without a third of the sources, tell the classifiers what a network makes
of pairs that it has not seen; one more of all pairs ships. What lies in WORK already is not made again.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.derivatives import Derivatives
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import summary_file, work_folder
from newlesions.detect.classes import ENLARGING, SHRINKING
from newlesions.detect.features.pair import PairData
from newlesions.detect.networks.apply import both_directions
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.detect.refinement.model import Model
from newlesions.images.files import sha256, write_arrays, write_text
from newlesions.images.io import read_volume
from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Grid, Volume
from newlesions.learn.boosting.card import card
from newlesions.learn.boosting.fit import fit
from newlesions.learn.boosting.folds import outer_folds
from newlesions.learn.boosting.held_out import held_out
from newlesions.learn.boosting.samples import collect, write_samples
from newlesions.learn.networks.fit import FACTS, WEIGHTS
from newlesions.learn.networks.fit import fit as fit_network
from newlesions.models import NETWORK
from newlesions.networks.case import Case as NetworkCase
from newlesions.networks.case import crop, read_case, write_case
from newlesions.networks.stages import Limits
from newlesions.recipes.stages import is_network_recipe, stages_of
from newlesions.settings import read_config, read_recipe, settle
from newlesions.steps.assemble import held_out_text, recipe_text
from newlesions.steps.pair_data import read_pair_data, read_truth
from newlesions.steps.working import read_working
from newlesions.versions import versions

REAL = "real"
FOLDS = 5
NETWORK_FOLDS = 3
MEASURES = ("Dice", "F1_score", "SensL", "PPVL")


@dataclass(frozen=True)
class Case:
    """One pair of one run, and the group that must not be split."""

    kind: str
    out: Path
    pair: Pair
    reference: Path
    group: str
    seen: Path | None = None
    """What networks made of it that have not seen its group."""

    @property
    def name(self) -> str:
        """Its name in every table."""
        return f"{self.kind}/{self.pair.pair}"

    @property
    def file(self) -> str:
        """The name of files that are made of it."""
        return f"{self.kind}_{self.out.name}_{self.pair.pair}"

    def data(self, candidates: Mapping[str, Any]) -> tuple[PairData, Mask]:
        """The pair on its working grid, and what is right."""
        work, *sessions = self._folders()
        pair = read_pair_data(
            *(work / f"{name}.nii.gz" for name in ("harmonised_baseline", "harmonised_followup", "brain", "change")),
            work / "working.json",
            *(session / "ingest.json" for session in sessions),
            candidates,
        )
        if self.seen is not None:
            with np.load(self.seen) as held:
                pair = replace(pair, network=(held["rise"].astype(np.float32), held["fall"].astype(np.float32)))
        return pair, read_truth(self.reference, sessions[1] / "flair.nii.gz", work / "working.json", pair.grid)

    def _folders(self) -> tuple[Path, Path, Path]:
        """Work folders of the pair, its baseline and its follow-up."""
        subject = work_folder(self.out) / f"sub-{self.pair.subject}"
        before, after = self.pair.baseline_session, self.pair.followup_session
        return summary_file(self.out, self.pair).parent, subject / f"ses-{before}", subject / f"ses-{after}"

    def other_masks(self, grid: Grid) -> dict[str, Mask]:
        """Where lesions went, grew or shrank, as far as that is known."""
        work, _, visit = self._folders()
        flair, space = visit / "flair.nii.gz", read_working(work / "working.json")
        found = {}
        gone = Path(str(self.reference).replace("desc-new", "desc-gone"))
        if gone.is_file():
            found["gone"] = read_truth(gone, flair, work / "working.json", grid)
        classes = Path(str(self.reference).replace("desc-new_mask", "desc-change_dseg"))
        if classes.is_file():
            change = read_volume(classes, dtype=np.uint8)
            for name, code in (("enlarging", ENLARGING), ("shrinking", SHRINKING)):
                inside = Volume((change.data == code).astype(np.float32), change.affine)
                # Their rims count too: what is neither right nor wrong may be a little large.
                found[name] = resample(inside, grid, space.followup_from_working, order=1).data > 0.1
        return found


def main() -> None:
    """Train, score what was left out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="NAME=OUT:REFERENCES[:PARTICIPANTS]")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    parser.add_argument("--recipe", default="boosted")
    parser.add_argument("--work", type=Path, required=True, help="a folder for what training needs, which is kept")
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    settings = settle(read_config() | {"recipe": args.recipe, "training": True})
    cases = sorted((case for run in args.runs for case in cases_of(run)), key=lambda case: case.file)
    network = train_networks(recipe, cases, args.work, settings) if is_network_recipe(recipe) else None
    if network is not None:
        cases = [replace(case, seen=seen_by(network, case, args.work, settings)) for case in cases]
    samples = {case: sampled(case, args.work / "samples", settings) for case in cases}
    rows = [row for fold in folds_of(cases) for row in scores_of(fold, samples, settings)]
    model = fit(list(samples.values()), settings["train"], threads(), recipe["id"])
    write(model, cases, rows, settings, args.out)
    if network is not None:
        network.applied().write(args.out / NETWORK)


def threads() -> int:
    """The cores of this machine."""
    return len(os.sched_getaffinity(0))


def cases_of(run: str) -> Iterator[Case]:
    """The finished pairs with a reference of one argument."""
    kind, _, paths = run.partition("=")
    out, references, *participants = (Path(path) for path in paths.split(":"))
    sources = read_sources(participants[0]) if participants else {}
    derivatives = Derivatives(references)
    for pair in read_pairs(out / "pairs.tsv"):
        labels = pair.subject, pair.baseline_session, pair.followup_session
        reference = derivatives.reference(*labels, consecutive=True)
        if reference and summary_file(out, pair).with_name("candidates.json").is_file():
            own = f"sub-{pair.subject}" if kind == REAL else f"{kind} {out.name} {pair.subject}"
            yield Case(kind, out, pair, Path(reference), sources.get(f"sub-{pair.subject}", own))


def read_sources(path: Path) -> dict[str, str]:
    """The real subject of each synthetic one."""
    with open(path, encoding="utf-8", newline="") as stream:
        return {row["participant_id"]: row["source"] for row in csv.DictReader(stream, delimiter="\t")}


def train_networks(
    recipe: Mapping[str, Any], cases: Sequence[Case], work: Path, settings: Mapping[str, Any]
) -> NetworkModel:
    """The recipe's one network stage, trained without each third of the sources, and without none."""
    (stage,) = stages_of(recipe)
    limits = Limits.of(settings["networks"])
    files = {case: network_case(case, work, settings) for case in cases}
    members = []
    for number, left_out in enumerate([*thirds_of(cases), []]):
        folder = work / "networks" / str(number)
        if not (folder / FACTS).is_file():
            kept = [path for case, path in files.items() if case.group not in left_out]
            fit_network(kept, stage, limits, folder)
        members.append(Member(folder / WEIGHTS, tuple(left_out)))
    return NetworkModel(recipe["id"], {stage.name: stage}, {stage.name: members}, limits, versions())


def thirds_of(cases: Sequence[Case]) -> list[list[str]]:
    """The sources in three parts, the real pairs apart from one another."""
    real = sorted({case.group for case in cases if case.kind == REAL})
    others = sorted({case.group for case in cases} - set(real))
    dealt = [others[n] for n in np.random.default_rng(0).permutation(len(others))]
    return [real[start::NETWORK_FOLDS] + dealt[start::NETWORK_FOLDS] for start in range(NETWORK_FOLDS)]


def network_case(case: Case, work: Path, settings: Mapping[str, Any]) -> Path:
    """What the network learns from a pair, made if it is not there."""
    path = work / "cases" / f"{case.file}.npz"
    if not path.is_file():
        pair, truth = case.data(settings["candidates"])
        masks = {"new": truth} | case.other_masks(pair.grid)
        write_case(path, case_of(pair, case, {name: mask.astype(np.uint8) for name, mask in masks.items()}))
    return path


def case_of(pair: PairData, case: Case, masks: dict[str, NDArray[np.uint8]]) -> NetworkCase:
    """A pair as networks see it."""
    images = (pair.before, pair.after)
    place = (pair.grid, pair.mni_from_working, pair.slice_mm)
    return crop(case.name, case.group, images, pair.brain, pair.change, *place, masks)


def seen_by(network: NetworkModel, case: Case, work: Path, settings: Mapping[str, Any]) -> Path:
    """The probabilities of both directions from the network that has not seen the pair's source."""
    path = work / "seen" / f"{case.file}.npz"
    if not path.is_file():
        seen = read_case(network_case(case, work, settings))
        limits = Limits.of(settings["networks"])
        both = [seen.uncropped(one) for one in both_directions(seen, network, limits, case.group)]
        write_arrays(path, dict(zip(("rise", "fall"), (one.astype(np.float16) for one in both), strict=True)))
        print(f"seen {case.name}", flush=True)
    return path


def sampled(case: Case, folder: Path, settings: Mapping[str, Any]) -> Path:
    """The samples of a pair, made if they are not there."""
    path = folder / f"{case.file}.npz"
    if not path.is_file():
        pair, truth = case.data(settings["candidates"])
        grown = case.other_masks(pair.grid).get("enlarging")
        write_samples(path, collect(pair, truth, case.name, case.group, settings["train"], grown))
        print(f"sampled {case.name}", flush=True)
    return path


def folds_of(cases: Sequence[Case]) -> list[list[Case]]:
    """Each real subject with everything made of it is left out alone, the others in groups."""
    real = {case.group for case in cases if case.kind == REAL}
    others = sorted({case.group for case in cases} - real)
    groups = [[name] for name in sorted(real)] + outer_folds(others, FOLDS, 0)
    return [[case for case in cases if case.group in group] for group in groups]


def scores_of(fold: Sequence[Case], samples: Mapping[Case, Path], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a fold's pairs by a model of the others."""
    left = set(fold)
    model = fit([path for case, path in samples.items() if case not in left], settings["train"], threads())
    return [_scored(case, model, settings) for case in fold]


def _scored(case: Case, model: Model, settings: Mapping[str, Any]) -> dict[str, Any]:
    row = held_out(*case.data(settings["candidates"]), model, case.name, case.group, threads())
    print(case.name, {name: round(value, 3) for name, value in row.items() if isinstance(value, float)}, flush=True)
    return row


def write(
    model: Model, cases: Sequence[Case], rows: Sequence[dict[str, Any]], settings: Mapping[str, Any], out: Path
) -> None:
    """The model's folder: model.json last."""
    recipe = read_recipe(settings["recipe"])
    data = [
        {
            "pair": case.name,
            "baseline": case.pair.baseline_sha256,
            "followup": case.pair.followup_sha256,
            "reference": sha256(case.reference),
        }
        for case in cases
    ]
    model = replace(model, training={**versions(), "data": data})
    write_text(out / "recipe.yaml", recipe_text(recipe, settings))
    write_text(out / "held_out.tsv", held_out_text(rows))
    write_text(
        out / "card.md", card(model, recipe, rows).replace("## What decides", f"{by_kind(rows)}\n\n## What decides")
    )
    model.write(out)


def by_kind(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores of real, synthetic and simulated pairs apart, and those of each real pair."""
    lines = ["### By kind of data", "", "| | pairs | Dice | F1_score | SensL | PPVL | candidates: Dice | F1_score | "
             "without new lesions | of these, none found |", "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    kinds = {row["pair"].split("/")[0] for row in rows}
    for kind in sorted(kinds, key=lambda name: (name != REAL, name)):
        lines += [_line(kind, [row for row in rows if row["pair"].startswith(f"{kind}/")])]
    lines.extend(_line(row["pair"], [row]) for row in rows if row["pair"].startswith(f"{REAL}/"))
    return "\n".join(lines)


def _line(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    shown = (*MEASURES, "candidates_Dice", "candidates_F1_score")
    values = [[row[key] for row in rows if np.isfinite(row.get(key, np.nan))] for key in shown]
    means = [f"{np.mean(column):.3f}" if column else "" for column in values]
    empty = [row["NbTestedLesions"] for row in rows if "NbTestedLesions" in row]
    clean = sum(count == 0 for count in empty)
    return f"| {name} | {len(rows)} | " + " | ".join(means) + f" | {len(empty)} | {clean} |"


if __name__ == "__main__":
    main()
