"""A trained classifier as a folder of text: LightGBM models, settings, calibration, and the map of frequency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.features.table import NAMES
from newlesions.detect.refinement import candidates
from newlesions.detect.refinement.frequency import NAME as FREQUENCY
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.models import DESCRIPTION

if TYPE_CHECKING:
    import lightgbm

FORMAT = 1
FREQUENCY_FILE = "frequency.nii.gz"


@dataclass(frozen=True)
class Model:
    """A classifier of voxels and, for some recipes, of whole lesions.

    Attributes
    ----------
    recipe
        The recipe's id.
    settings
        The section ``train`` that it was trained with.
    voxel, lesion
        LightGBM boosters whose mean is the prediction; no ``lesion`` where voxels alone decide.
    threshold
        From which mean probability a voxel is part of a candidate.
    accept
        From which calibrated probability a candidate is a lesion.
    calibration
        Slope and offset from the lesion boosters' mean raw score to the logit of the probability.
    frequency
        The learned map of lesion frequency, where the features use one.
    training
        What the model was trained on: pairs, subjects, versions.
    """

    recipe: str
    settings: Mapping[str, Any]
    voxel: Sequence[lightgbm.Booster]
    threshold: float
    lesion: Sequence[lightgbm.Booster] = ()
    accept: float = 0.5
    calibration: tuple[float, float] = (1.0, 0.0)
    frequency: Volume | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def voxel_probability(self, features: NDArray[np.float32], threads: int = 1) -> NDArray[np.float64]:
        """The mean over the boosters for voxels, features (n, F) to (n,)."""
        return _mean(self.voxel, features, threads, raw=False)

    def lesion_probability(self, features: NDArray[np.float32], threads: int = 1) -> NDArray[np.float64]:
        """The calibrated probability of candidates, features (n, G) to (n,)."""
        slope, offset = self.calibration
        return sigmoid(slope * _mean(self.lesion, features, threads, raw=True) + offset)

    def write(self, folder: Path) -> None:
        """Write the model's files; ``model.json``, which names the others, comes last."""
        for name, booster in _named(self.voxel, self.lesion).items():
            write_text(folder / name, booster.model_to_string())
        if self.frequency is not None:
            write_volume(folder / FREQUENCY_FILE, self.frequency)
        write_json(
            folder / DESCRIPTION,
            {
                "format": FORMAT,
                "recipe": self.recipe,
                "settings": dict(self.settings),
                "voxel_features": feature_names(self.settings),
                "lesion_features": list(candidates.names_for(self.settings["features"])) if self.lesion else [],
                "voxel_models": len(self.voxel),
                "lesion_models": len(self.lesion),
                "threshold": self.threshold,
                "accept": self.accept,
                "calibration": list(self.calibration),
                "frequency": self.frequency is not None,
                "training": dict(self.training),
            },
        )

    @classmethod
    def read(cls, folder: Path) -> Model:
        """Read a model.

        Raises
        ------
        ConfigError
            If a file is missing, or the model was made for other features than this version computes.
        """
        import lightgbm

        path = folder / DESCRIPTION
        if not path.is_file():
            raise ConfigError(f"{folder}: found no {DESCRIPTION}; expected the folder of a trained model")
        held = read_json(path)
        if held.get("format") != FORMAT:
            raise ConfigError(f"{path}: found format {held.get('format')}; expected {FORMAT}: train the model again")
        of_lesions = candidates.names_for(held["settings"]["features"])
        expected = feature_names(held["settings"]), list(of_lesions) if held["lesion_models"] else []
        if (held["voxel_features"], held["lesion_features"]) != expected:
            raise ConfigError(f"{path}: found other features than this version computes; expected a model of its own")
        files = {file.name: file for file in model_files(folder)}
        missing = [name for name, file in files.items() if not file.is_file()]
        if missing:
            raise ConfigError(f"{folder}: found no {missing[0]}; expected all files that {DESCRIPTION} names")
        boosters = {
            kind: [lightgbm.Booster(model_file=str(folder / f"{kind}_{n}.txt")) for n in range(held[f"{kind}_models"])]
            for kind in ("voxel", "lesion")
        }
        return cls(
            held["recipe"],
            held["settings"],
            boosters["voxel"],
            held["threshold"],
            boosters["lesion"],
            held["accept"],
            (held["calibration"][0], held["calibration"][1]),
            read_volume(folder / FREQUENCY_FILE) if held["frequency"] else None,
            held["training"],
        )


def model_files(folder: Path) -> list[Path]:
    """The files of the model in ``folder``: what a result depends on."""
    held = read_json(folder / DESCRIPTION)
    names = [f"{kind}_{n}.txt" for kind in ("voxel", "lesion") for n in range(held[f"{kind}_models"])]
    return [folder / name for name in (DESCRIPTION, *names, *([FREQUENCY_FILE] if held["frequency"] else []))]


def feature_names(settings: Mapping[str, Any]) -> list[str]:
    """The columns that the voxel boosters see."""
    kind = settings["features"]
    return [*NAMES[kind], *([FREQUENCY] if uses_frequency(settings) else [])]


def uses_frequency(settings: Mapping[str, Any]) -> bool:
    """Whether the features hold the learned map of frequency."""
    return settings["features"] in ("rich", "network")


def sigmoid(score: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -500, 500))), np.float64)


def _named(voxel: Sequence[lightgbm.Booster], lesion: Sequence[lightgbm.Booster]) -> dict[str, lightgbm.Booster]:
    return {
        f"{kind}_{n}.txt": one for kind, all_ in (("voxel", voxel), ("lesion", lesion)) for n, one in enumerate(all_)
    }


def _mean(
    boosters: Sequence[lightgbm.Booster], features: NDArray[np.float32], threads: int, *, raw: bool
) -> NDArray[np.float64]:
    if not len(features):
        return np.zeros(0)
    predictions = [one.predict(features, raw_score=raw, num_threads=threads) for one in boosters]
    return np.asarray(np.mean(predictions, axis=0), np.float64)
