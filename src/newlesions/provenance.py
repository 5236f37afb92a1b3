"""What a results folder says about itself: where it comes from, what its labels mean, what to cite.

Nothing here holds a time, a host, a user or a folder of the machine, so that equal runs give equal files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import __version__, models
from newlesions.cohort.made import Made
from newlesions.cohort.pairs import Pair
from newlesions.cohort.visits import visits_of
from newlesions.images.files import sha256
from newlesions.versions import versions

BIDS_VERSION = "1.10.0"
_LOCAL = ("pairs", "out", "recipe", "override", "keep_work", "training", "failed", "shard", "part", "train", "networks")
_FIXED_LABELS = {
    "brain": "Brain mask, on the follow-up's own grid.",
    "lesions": "One row per changed lesion: kind, size, place, intensities, probability.",
}
_PREPROC = {
    "halfway": "FLAIR, bias-corrected, resampled once into the pair's halfway space, harmonised with the other visit.",
    "mni": "FLAIR, bias-corrected, resampled once into MNI space, harmonised there with the other visit, and brought to"
    " the pair's halfway space.",
}


def dataset_description(pairs: Sequence[Pair], source: str) -> dict[str, Any]:
    """The content of dataset_description.json.

    Parameters
    ----------
    pairs
        The pairs; a dataset_description.json above the first readable scan may name the source's DOI.
    source
        The name of the input folder, not its path; "" if unknown.
    """
    described = _source_description(pairs)
    doi = described.get("DatasetDOI")
    sources = [{"DOI": doi}] if isinstance(doi, str) else [{"URL": source}] if source else []
    return {
        "Name": "New lesions between FLAIR sessions",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "newlesions", "Version": __version__}],
        **({"SourceDatasets": sources} if sources else {}),
    }


def descriptions(pairs: Sequence[Pair], space: str = "halfway") -> str:
    """The text of descriptions.tsv: what each ``desc-`` label in the folder means.

    ``space`` is the setting ``resample.space``.
    """
    rows = {**_FIXED_LABELS, "preproc": _PREPROC[space]}
    for session in sorted({pair.baseline_session for pair in pairs}):
        rows[f"newSince{session}"] = f"Lesions that are new since session {session}."
        rows[f"changeSince{session}"] = (
            f"Lesions that changed since session {session}: 1 new, 2 enlarging, 3 gone, 4 shrinking."
        )
    return "".join(f"{label}\t{meaning}\n" for label, meaning in [("desc_id", "description"), *sorted(rows.items())])


def provenance(
    pairs: Sequence[Pair],
    settings: Mapping[str, Any],
    recipe: Mapping[str, Any],
    made: Mapping[str, Made],
    outputs: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of provenance.json: versions, recipe, settings, model, every input with its digest, and the outputs.

    Parameters
    ----------
    pairs
        The pairs of the cohort.
    settings, recipe
        Those of the run.
    made
        What the steps of each finished pair recorded, by the pair's id. Steps are not repeated when the package is
        updated, so that each pair has versions of its own.
    outputs
        Name, digest and length of the list of the outputs' digests.
    """
    model = settings["refine"]["model"]
    used = sorted({text for record in made.values() for text in record.versions})
    return {
        # Of what wrote this file; `versions` has those that made the pairs.
        **versions(),
        "versions": [json.loads(text) for text in used],
        "shipped": shipped(),
        "recipe": dict(recipe),
        "settings": settings_told(settings),
        "outputs": dict(outputs),
        **({"model": {"name": Path(model).name, "files": models.digests(model)}} if model else {}),
        "inputs": [
            {
                "subject": visit.subject,
                "session": visit.session,
                "scan": Path(visit.scan).name,
                "sha256": visit.sha256,
                **({"brain": _file(Path(visit.brain))} if visit.brain else {}),
            }
            for visit in visits_of(pairs).values()
        ],
        "pairs": [
            {
                "pair": pair.pair,
                "baseline": pair.baseline_session,
                "followup": pair.followup_session,
                **({"made_with": [used.index(text) for text in made[pair.pair].versions]} if pair.pair in made else {}),
                **({"references": [_file(Path(path)) for path in pair.references]} if pair.reference else {}),
            }
            for pair in pairs
        ],
    }


def settings_told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that bear on results. Of the model's folder the name alone: paths are nobody's business."""
    model = settings["refine"]["model"]
    told = {key: value for key, value in settings.items() if key not in _LOCAL}
    return told | {"refine": {"model": Path(model).name if model else None}}


def _file(path: Path) -> dict[str, str]:
    """Name and digest; no digest where the file is missing."""
    return {"file": path.name, **({"sha256": sha256(path)} if path.is_file() else {})}


def shipped() -> dict[str, str]:
    """SHA-256 of what the package ships and a result depends on: standard scale, region map, model weights."""
    folder = Path(__file__).parent / "data"
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


BIDSIGNORE = """\
*.html
work/
.snakemake/
newlesions.tsv
newlesions_reviewed.tsv
group_quality.tsv
group_quality.json
scores.tsv
scores/
pairs.tsv
pairs.json
provenance.json
sha256sums.txt
CITATION.md
**/*_table.tsv
**/*_table.json
**/*_xfm.mat
"""
"""What a BIDS validator is to pass over."""


_REFERENCES = (
    "Mölder F, et al. Sustainable data analysis with Snakemake. F1000Research 10:33, 2021."
    " doi:10.12688/f1000research.29032",
    "Tustison NJ, et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging 29(6):1310-1320, 2010."
    " doi:10.1109/TMI.2010.2046908",
    "Tustison NJ, et al. The ANTsX ecosystem for quantitative biological and medical imaging. Sci Rep 11:9068, 2021."
    " doi:10.1038/s41598-021-87564-6",
    "Reuter M, Rosas HD, Fischl B. Highly accurate inverse consistent registration: a robust approach."
    " NeuroImage 53(4):1181-1196, 2010. doi:10.1016/j.neuroimage.2010.07.020",
    "Lewis EB, Fox NC. Correction of differential intensity inhomogeneity in longitudinal MR images. NeuroImage"
    " 23(1):75-83, 2004. doi:10.1016/j.neuroimage.2004.04.030",
    "Nyul LG, Udupa JK. On standardizing the MR image intensity scale. Magn Reson Med 42(6):1072-1081, 1999.",
    "Fonov V, et al. Unbiased average age-appropriate atlases for pediatric studies. NeuroImage 54(1):313-327, 2011."
    " doi:10.1016/j.neuroimage.2010.07.033",
)


def citation(recipe: Mapping[str, Any]) -> str:
    """The text of CITATION.md: a paragraph for a methods section, and its references."""
    paper = recipe.get("paper")
    references = [*_REFERENCES, *([_reference(paper)] if paper else [])]
    text = (
        f"New lesions were found with newlesions {__version__} (recipe `{recipe['id']}`: {recipe['title']}), a"
        " Snakemake workflow [1]. Each FLAIR was corrected for its bias field with N4 [2] in ANTs [3]; the two"
        " sessions were registered rigidly and inverse-consistently into their halfway space [4] and resampled once."
        " Differential bias between them was removed [5] and their intensities were brought to a standard scale [6]."
        " Brain and region maps come from the MNI152 template that nilearn ships [7]."
    )
    if paper:
        text += f" The recipe follows {_short(paper)} [{len(references)}]."
    listed = "\n".join(f"{number}. {reference}" for number, reference in enumerate(references, start=1))
    return f"# How to cite these results\n\n{text}\n\n{listed}\n"


def _short(paper: Mapping[str, Any]) -> str:
    """``Prados F et al. (2021)``."""
    first, *others = paper["authors"].split(",")
    return f"{first.strip()}{' et al.' if others else ''} ({paper['year']})"


def _reference(paper: Mapping[str, Any]) -> str:
    pages = f" pages {paper['pages']}," if "pages" in paper else ""
    source = f" {paper['in']}," if "in" in paper else ""
    where = f" doi:{paper['doi']}" if "doi" in paper else f" {paper['url']}" if "url" in paper else ""
    return f"{paper['authors']}. {paper['title']}.{source}{pages} {paper['year']}.{where}"


def _source_description(pairs: Sequence[Pair]) -> dict[str, Any]:
    for folder in Path(pairs[0].baseline).parents if pairs else ():
        path = folder / "dataset_description.json"
        if path.is_file():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:  # the input's own fault, and of no consequence here
                return {}
            return content if isinstance(content, dict) else {}
    return {}
