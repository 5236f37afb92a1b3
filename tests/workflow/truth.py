"""Steps that take brains, and the way between visits, from the simulator: finding them takes a minute per scan."""

from __future__ import annotations

from pathlib import Path

_SITE = """\
import sys
if "--help" not in sys.argv:
    import newlesions.steps
    newlesions.steps.__path__.insert(0, {steps!r})
"""
_BIAS = """\
import shutil
import numpy as np
from newlesions.images.io import read_volume, write_volume

def bias(flair, bias, field, settings):
    shutil.copyfile(flair, bias)
    scan = read_volume(flair)
    write_volume(field, scan.with_data(np.ones_like(scan.data)))
"""
_BRAIN = """\
from pathlib import Path
import numpy as np
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import apply_affine

REFERENCE = Path({reference!r})
MNI_CENTRE = np.array([0.0, -18.0, 8.0])

def brain(bias, field, brain, facts, settings, given):
    subject, session = bias.parts[-3:-1]
    name = f"{{subject}}_{{session}}_space-orig_desc-brain_mask.nii.gz"
    found = read_volume(REFERENCE / subject / session / "anat" / name)
    write_volume(brain, found.with_data(found.data > 0))
    matrix = np.diag([1.07, 1.07, 1.07, 1.0])
    matrix[:3, 3] = MNI_CENTRE - 1.07 * apply_affine(found.affine, np.argwhere(found.data > 0).mean(axis=0))
    volume = float(np.count_nonzero(found.data)) * found.voxel_volume / 1000
    measured = dict(volume_ml=volume, snr=30.0, inu_range=0.1, cut_cm2=0.0)
    write_json(facts, dict(backend="truth", mni_from_scan=matrix.tolist(), **measured))
"""
_HALFWAY = """\
from pathlib import Path
import numpy as np
from newlesions.images.files import read_json, write_json

REFERENCE = Path({reference!r})

def halfway(baseline_facts, halfway, pair, **others):
    subject, session = pair.split("_")
    truth = read_json(REFERENCE / subject / session / "anat" / f"{{pair}}_desc-rigid_transforms.json")
    mni = np.array(read_json(baseline_facts)["mni_from_scan"]) @ np.array(truth["baseline_from_halfway"])
    still = dict(moved_mm=[0.0, 0.0, 0.0], rotated_deg=0.0)
    quality = dict(correlation=0.99, brain_overlap=0.99, inverse_consistency_mm=0.0, **still)
    write_json(halfway, dict(
        baseline_from_halfway=truth["baseline_from_halfway"],
        followup_from_halfway=truth["followup_from_halfway"],
        mni_from_halfway=mni.tolist(), aligned=False, quality=quality,
    ))
"""


def write_truth_steps(folder: Path, reference: Path) -> None:
    """Write the steps to ``folder``, for the front of PYTHONPATH; ``reference`` is the simulator's derivative."""
    steps = folder / "steps"
    steps.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(_SITE.format(steps=str(steps)))
    for name, text in (("bias", _BIAS), ("brain", _BRAIN), ("halfway", _HALFWAY)):
        (steps / f"{name}.py").write_text(text.format(reference=str(reference)) if "{reference" in text else text)
