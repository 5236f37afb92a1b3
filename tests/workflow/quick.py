"""The workflow with steps that take no time: what is tested is the order, the failures and the files, not the images.

A folder put before the package's own steps holds one module per step. Each writes its outputs at once; `ingest` refuses
a scan whose bytes begin with `broken`, and `evaluate` finds that it cannot use a reference that does not begin with
`good`. What the steps of training learn is the names of the pairs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import newlesions
from newlesions.cohort.results import NETWORK_STEPS, STEPS
from workflow.contract import digests

_SITE = """\
import sys
if "--help" not in sys.argv:
    import newlesions.steps
    newlesions.steps.__path__.insert(0, {steps!r})
"""
_STEP = """\
import json, os, time
from pathlib import Path
from newlesions.errors import InputError
from newlesions.images.files import write_json, write_text

def {name}(**arguments):
    time.sleep(float(os.environ.get("QUICK_STEP_SECONDS", "0")))
    if "{name}" == "ingest" and Path(arguments["scan"]).read_bytes().startswith(b"broken"):
        raise InputError(arguments["scan"], "a broken scan", "a whole one")
    said = json.dumps(dict(step="{name}", new_count=3, settings=arguments.get("settings")))
    if "{name}" == "case":
        if "new" in arguments["masks"] and not Path(arguments["masks"]["new"]).read_text().startswith("good"):
            raise InputError(arguments["masks"]["new"], "a bad reference", "a mask")
        said = json.dumps(dict(pair=arguments["pair"]))
    if "{name}" == "evaluate":
        reference = Path(arguments["reference"])
        found = reference.read_text() if reference.is_file() else "no such file"
        measures = dict(Dice=0.5, F1_score=0.75 if "better" in found else 0.25)
        result = dict(pair=arguments["pair"], measures=measures, additions={{}}, lesions=[], curves=[], gone=None)
        failed = dict(failed=f"{{reference}}: found {{found}}; expected a mask")
        write_json(arguments["scores"], result | dict(raters=[]) if found.startswith("good") else failed)
    if "{name}" == "sample":
        if not Path(arguments["reference"]).read_text().startswith("good"):
            raise InputError(arguments["reference"], "a bad reference", "a mask")
        write_text(arguments["samples"], arguments["pair"])
    for path in arguments.values():
        if isinstance(path, Path) and not path.exists():
            write_text(path, said)  # two steps of a pair write to one folder at once
"""
_TRAINING = """\
import json, os, time
from pathlib import Path
from newlesions.images.files import write_json, write_text

def seconds():
    time.sleep(float(os.environ.get("QUICK_STEP_SECONDS", "0")))

def fit(samples, model_folder, recipe, settings):
    seconds()
    write_text(model_folder / "voxel_0.txt", " ".join(path.read_text() for path in samples))
    write_json(model_folder / "model.json", dict(recipe=recipe, rounds=settings["rounds"]))

def held_out(pair, model_folder, row, **others):
    seconds()
    assert pair not in (model_folder / "voxel_0.txt").read_text().split()
    write_json(row, dict(pair=pair, Dice=0.5, F1_score=0.25, NbTestedLesions=3))

def assemble(pairs, model_folder, held_out, model_out, recipe_out, held_out_table, card_out, settings, references,
             **others):
    seconds()
    rows = [json.loads(path.read_text()) for path in held_out]
    lines = ["pair\\tDice\\tF1_score\\tNbTestedLesions", *(f"{row['pair']}\\t0.5\\t0.25\\t3" for row in rows)]
    write_text(held_out_table, "\\n".join(lines) + "\\n")
    write_text(card_out, f"{len(references)} references")
    write_text(recipe_out, "id: boosted\\ntitle: t\\nneeds_model: true\\nstages: {train: {rounds: 7}}\\n")
    for name in ("voxel_0.txt", "model.json"):
        write_text(model_out.parent / name, (model_folder / name).read_text())
"""


_NETWORKS = """\
import json, os, time
from newlesions.images.files import write_json, write_text

def seconds():
    time.sleep(float(os.environ.get("QUICK_STEP_SECONDS", "0")))

def fit_network(cases, member_folder, stage, seed, limits, members, validation=None, **others):
    seconds()
    seen = [json.loads(path.read_text())["pair"] for path in cases]
    assert not set(seen) & {json.loads(path.read_text())["pair"] for path in validation or []}
    assert {"device", "threads"} < limits.keys()
    write_json(member_folder / "seen.json", dict(stage=stage, seed=seed, pairs=seen, earlier=sorted(members)))
    write_text(member_folder / "weights.safetensors", f"{stage} {seed}")

def network_held_out(case, row, members, **others):
    seconds()
    pair = json.loads(case.read_text())["pair"]
    write_json(row, dict(pair=pair, Dice=0.5, F1_score=0.25, NbTestedLesions=3))

def assemble_networks(held_out, model_out, recipe_out, held_out_table, card_out, members, settings, **others):
    seconds()
    from newlesions.settings import read_recipe
    recipe = read_recipe(settings["recipe"])
    lines = ["pair\\tDice\\tF1_score\\tNbTestedLesions"]
    lines += [f"{json.loads(path.read_text())['pair']}\\t0.5\\t0.25\\t3" for path in held_out]
    write_text(held_out_table, "\\n".join(lines) + "\\n")
    write_text(card_out, "card")
    write_text(recipe_out, open(settings["recipe"]).read())
    write_text(model_out.parent / "weights" / "new_0.safetensors", "weights")
    write_json(model_out, dict(recipe=recipe["id"], kind="networks", members=members))
"""


_COHORT_REPORT = """
def cohort_report(table, pairs_json, out_html, summary, scores, quality, lesions):
    out_html.write_text("page")
"""


class Quick:
    """A BIDS folder of small files, a results folder, and the command line with quick steps."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bids, self.out = folder, folder / "bids", folder / "out"
        self.references = folder / "references"
        steps = folder / "site" / "steps"
        steps.mkdir(parents=True)
        (steps.parent / "sitecustomize.py").write_text(_SITE.format(steps=str(steps)))
        for name in ("fit", "held_out", "assemble"):
            (steps / f"{name}.py").write_text(_TRAINING)
        for name in ("fit_network", "network_held_out", "assemble_networks"):
            (steps / f"{name}.py").write_text(_NETWORKS)
        for name in (*STEPS, *NETWORK_STEPS, "sample", "case"):
            text = _STEP.format(name=name)
            if name == "report":
                text += _COHORT_REPORT
            (steps / f"{name}.py").write_text(text)
        source = str(Path(newlesions.__file__).parents[1])
        self.environment = os.environ | {"PYTHONPATH": f"{steps.parent}:{source}", "PYTHONDONTWRITEBYTECODE": "1"}

    def scan(self, subject: str, session: str, content: str = "good") -> Path:
        """Write a scan that is no image, which the quick steps do not mind."""
        stem = f"sub-{subject}_ses-{session}_FLAIR.nii.gz"
        path = self.bids / f"sub-{subject}" / f"ses-{session}" / "anat" / stem
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content} {subject} {session}")
        return path

    def reference(self, subject: str, session: str, content: str = "good", kind: str = "new") -> Path:
        """Write a reference that is no image."""
        stem = f"sub-{subject}_ses-{session}_space-orig_label-lesion_desc-{kind}_mask.nii.gz"
        path = self.references / f"sub-{subject}" / f"ses-{session}" / "anat" / stem
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def start(self, *more: str, seconds: float = 0) -> subprocess.Popen[str]:
        """Start `newlesions run` on the folder; each step takes ``seconds``."""
        return self.newlesions("run", str(self.bids), str(self.out), "--cores", "2", *more, seconds=seconds)

    def newlesions(self, *arguments: str, seconds: float = 0) -> subprocess.Popen[str]:
        """Start a command of the command line."""
        words = [sys.executable, "-m", "newlesions", *arguments]
        environment = self.environment | {"QUICK_STEP_SECONDS": str(seconds)}
        return subprocess.Popen(
            words, env=environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *more: str) -> tuple[int, str]:
        """Run to the end: exit code, and all that was said."""
        process = self.start(*more)
        said, _ = process.communicate(timeout=900)
        return process.returncode, said

    def steps(self, said: str) -> list[str]:
        """The steps that a run says it started, in order."""
        return [line.split()[-2] for line in said.splitlines() if line.startswith("[")]

    def results(self) -> dict[str, str]:
        """The digest of every file of the results but logs, benchmarks and Snakemake's own."""
        return digests(self.out)
