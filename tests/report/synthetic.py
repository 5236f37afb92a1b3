"""The work files of a small made-up pair: an egg of a brain with one new lesion and one that is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.detect.carry import carry, separate
from newlesions.images.files import write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Grid, Volume, apply_affine
from newlesions.steps.adapter import run_step
from newlesions.steps.report import report

SHAPE = (48, 56, 44)
AFFINE = np.array([[1.5, 0, 0, -36], [0, 1.5, 0, -42], [0, 0, 1.5, -33], [0, 0, 0, 1]], float)
# x of the follow-up = x of halfway space + 3
FOLLOWUP_FROM_HALFWAY = np.array([[1, 0, 0, 3], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
NEW, GONE, MISSED = (30, 34, 24), (16, 22, 18), (20, 36, 26)
_FLIPPED = np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
COLUMNS = (
    *("id", "kind", "volume_mm3", "voxels", "x_mm", "y_mm", "z_mm", "mni_x_mm", "mni_y_mm", "mni_z_mm"),
    *("region", "intensity_before", "intensity_after", "probability", "contrast"),
)


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    at = np.indices(SHAPE)
    return sum((at[axis] - centre[axis]) ** 2 for axis in range(3)) <= radius**2


def write_pair(folder: Path, *, lesions: bool = True, **changes: Mapping[str, Any]) -> dict[str, Any]:
    """Write the inputs of `report` below ``folder`` and return its keyword arguments but ``out_html``.

    ``changes`` update the JSON inputs, by argument name.
    """
    at = np.indices(SHAPE)
    brain = sum(((at[axis] - SHAPE[axis] / 2) / (SHAPE[axis] * 0.38)) ** 2 for axis in range(3)) <= 1
    rng = np.random.default_rng(1)
    baseline = np.where(brain, 50, 8) + rng.normal(0, 1, SHAPE)
    followup = np.where(brain, 50, 8) + rng.normal(0, 1, SHAPE)
    change = np.zeros(SHAPE, np.uint8)
    if lesions:
        for centre, code, image in ((NEW, 1, followup), (GONE, 3, baseline)):
            change[ball(centre, 2.5)] = code
            image[ball(centre, 2.5)] += 30
    images = {
        "baseline": baseline.astype(np.float32),
        "followup": followup.astype(np.float32),
        "change": change,
        "probability": (change == 1).astype(np.float32) * 0.9,
        "brain": brain,
    }
    arguments: dict[str, Any] = {name: folder / f"{name}.nii.gz" for name in images}
    for name, data in images.items():
        write_volume(arguments[name], Volume(data, AFFINE))
    scan = {"shape": [48, 56, 44], "spacing_mm": [1.5, 1.5, 1.5], "orientation": "LPS", "dtype": "<i2", "warnings": []}
    contents: dict[str, dict[str, Any]] = {
        "halfway": {
            "quality": {"correlation": 0.95},
            "aligned": False,
        },
        "working": {
            "space": "halfway",
            "baseline_from_working": np.linalg.inv(FOLLOWUP_FROM_HALFWAY).tolist(),
            "followup_from_working": FOLLOWUP_FROM_HALFWAY.tolist(),
            "mni_from_working": np.eye(4).tolist(),
            "working_from_halfway": np.eye(4).tolist(),
            "halfway_grid": {"shape": list(SHAPE), "affine": AFFINE.tolist()},
        },
        "harmonise": {"kernel_mm": 22, "histograms": {"before": _counted(0.6), "after": _counted(0.99)}},
        "candidates": {"mean": 0.0, "sd": 1.4, "k": 3.0},
        "summary": _summary(lesions),
        "baseline_ingest": dict(scan),
        "followup_ingest": dict(scan),
    }
    for name, content in contents.items():
        arguments[name] = folder / f"{name}.json"
        write_json(arguments[name], content | dict(changes.get(name, {})))
    for visit, way in (("baseline", np.linalg.inv(FOLLOWUP_FROM_HALFWAY)), ("followup", FOLLOWUP_FROM_HALFWAY)):
        arguments[f"{visit}_field"] = folder / f"{visit}_field.nii.gz"
        write_volume(arguments[f"{visit}_field"], _field(way))
    arguments["lesions"] = folder / "lesions.tsv"
    rows = [_lesion(1, "new", NEW), _lesion(2, "gone", GONE)] if lesions else []
    write_text(arguments["lesions"], "".join("\t".join(row) + "\n" for row in [COLUMNS, *rows]))
    return arguments


def write_scores(folder: Path, **more: Any) -> dict[str, Any]:
    """Write a reference on a grid of its own, and a result in which the new lesion is false and another one missed.

    Returns the further keyword arguments of `report`; ``more`` replaces parts of the result.
    """
    reference = np.zeros(SHAPE, np.uint8)
    reference[ball(MISSED, 2.2)] = 1
    own = FOLLOWUP_FROM_HALFWAY @ AFFINE
    arguments = {"scores": folder / "scores.json", "reference": folder / "reference.nii.gz"}
    write_volume(arguments["reference"], Volume(np.flip(reference, axis=0), own @ _FLIPPED))
    sides = (("reference", MISSED, 160.0, "100-300"), ("predicted", NEW, 219.4, "100-300"))
    fixed = {"id": 1, "region": "deep white", "hit": 0, "overlap": 0.0}
    found = []
    for side, at, volume, size in sides:
        x, y, z = map(float, apply_affine(own, np.array(at)))
        found.append({"side": side, "volume_mm3": volume, "size_class": size, "x_mm": x, "y_mm": y, "z_mm": z, **fixed})
    rates = {"Dice": 0.0, "SensL": 0.0, "PPVL": 0.0, "F1_score": 0.0}
    additions = {"assd_mm": 12.345, "hd95_mm": "nan", "predicted_volume_mm3": 219.4, "reference_volume_mm3": 160.0}
    additions["volume_difference_mm3"] = 59.4
    result = {
        "pair": "sub-01_ses-M12", "measures": rates, "additions": additions, "lesions": found, "curves": [],
        "gone": None, "raters": [],
    }  # fmt: skip
    write_json(arguments["scores"], result | more)
    return arguments


def labels(subject: str = "01", baseline: str = "M00", followup: str = "M12") -> dict[str, str]:
    return {
        "pair": f"sub-{subject}_ses-{followup}",
        "subject": subject,
        "baseline_session": baseline,
        "followup_session": followup,
        "days": "365",
    }


def page_of(
    folder: Path,
    *,
    lesions: bool = True,
    settings: Mapping[str, Any] | None = None,
    scores: Mapping[str, Any] | None = None,
    refine: Path | None = None,
    **changes: Any,
) -> str:
    """The text of the page of the made-up pair; ``scores`` adds a reference and replaces parts of its result."""
    out = folder / "page.html"
    arguments = write_pair(folder, lesions=lesions, **changes)
    arguments |= {} if scores is None else write_scores(folder, **scores)
    report(labels(), **arguments, out_html=out, settings=settings or {}, refine=refine)
    return out.read_text(encoding="utf-8")


def write_results(out: Path, subject: str = "01") -> Path:
    """Write the made-up pair as a finished run leaves it in ``out``, and return its page."""
    name = f"sub-{subject}_ses-M12"
    anat = out / f"sub-{subject}" / "ses-M12" / "anat"
    arguments = write_pair(out / "work" / f"sub-{subject}" / "ses-M12" / "pair")
    arguments["lesions"] = arguments["lesions"].rename(_made(anat) / f"{name}_desc-lesions_table.tsv")
    classes = read_volume(arguments["change"], np.uint8)
    own = Grid(SHAPE, FOLLOWUP_FROM_HALFWAY @ AFFINE)
    carried = carry(separate(classes.data), classes.grid, own, np.linalg.inv(FOLLOWUP_FROM_HALFWAY))
    write_volume(
        anat / f"{name}_space-orig_label-lesion_desc-changeSinceM00_dseg.nii.gz", Volume(carried.change(), own.affine)
    )
    pair = Pair.of(subject, ("M00", "M12"), ("/scans/before.nii.gz", "/scans/after.nii.gz"))
    write_pairs(out / "pairs.tsv", [pair])
    inputs = {key: str(path.relative_to(out)) for key, path in arguments.items()}
    page = out / f"sub-{subject}" / f"{name}.html"
    log = out / "work" / "logs" / "report" / f"{name}.log"
    params = {"pair": labels(subject), "settings": {}}
    with contextlib.chdir(out):
        assert run_step("report", inputs, {"out_html": str(page.relative_to(out))}, params, log) == 0
    return page


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Tags(HTMLParser):
    """All start tags of a page, as (name, attributes), and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)

    def named(self, *names: str) -> Iterator[dict[str, str]]:
        return (attributes for tag, attributes in self.tags if tag in names)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _counted(overlap: float) -> dict[str, Any]:
    """Histograms as harmonise.json has them."""
    counts = [0, 100, 4000, 800, 100, 0]
    return {"low": 0.0, "high": 120.0, "baseline": counts, "followup": counts[::-1], "overlap": overlap}


def _field(scan_from_working: np.ndarray) -> Volume:
    """A coarse bias field, in its scan's own space, that rises by a third from left to right."""
    coarse = AFFINE @ np.diag([6.0, 7.0, 6.0, 1.0])
    ramp = np.broadcast_to(np.linspace(0.85, 1.15, 9)[:, None, None], (9, 8, 8))
    return Volume(ramp.astype(np.float32), scan_from_working @ coarse)


def _lesion(number: int, kind: str, centre: tuple[int, int, int]) -> list[str]:
    halfway = apply_affine(AFFINE, np.array(centre))
    world = apply_affine(FOLLOWUP_FROM_HALFWAY, halfway)
    values = [number, kind, 219.4, 65, *world, *halfway, "periventricular", 50, 80, 0.9, 5.5]
    return [str(value) for value in values]


def _summary(lesions: bool) -> dict[str, Any]:
    one, none = {"count": 1, "volume_mm3": 219.4}, {"count": 0, "volume_mm3": 0.0}
    found = {"new": one if lesions else none, "enlarging": none, "gone": one if lesions else none, "shrinking": none}
    row = {f"{kind}_{name}": value for kind, totals in found.items() for name, value in totals.items()}
    quality = {"registration_correlation": 0.95, "brain_overlap": 0.97, "inverse_consistency_mm": 0.2, "noise": 1.4}
    quality |= {"moved_x_mm": 1.0, "moved_y_mm": 2.0, "moved_z_mm": 14.0, "rotated_deg": 3.0, "noise_percent": 2.8}
    quality |= {"inu_range_baseline": 0.2, "inu_range_followup": 0.21, "histogram_overlap": 0.99}
    return {"status": "done", **row, **quality, "brain_baseline_ml": 1200, "brain_followup_ml": 1198, "warnings": ""}
