"""How synthetic pairs are made: ``sample.options.synthetic`` of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask
from newlesions.learn.networks.augment.pipeline import Augment
from newlesions.learn.networks.synthetic.holes import blob, known_shape
from newlesions.learn.networks.synthetic.sources import Source
from newlesions.simulate.lesions import LesionSizes


@dataclass(frozen=True)
class SyntheticSettings:
    """Probabilities and amounts, none of which the papers state.

    Attributes
    ----------
    states
        Of each lesion of the visit: kept in both, removed at baseline (new), removed at follow-up (gone), removed in
        both.
    added
        The mean number of generated lesions in a patch (Poisson).
    histories
        Of each generated lesion: at follow-up alone (new), at baseline alone (gone), in both.
    holes
        The mean number of regions beyond the first that the inpainter's patches lack (Poisson).
    own_shapes
        The share of generated lesions and holes that have the shape of one of the visit's lesions; others are blobs.
    positive
        The share of patches around a lesion voxel.
    margin
        Voxels around a lesion's mask that are replaced with it: they hold part of it.
    median_mm3, spread
        Of the volumes of blobs: log-normal.
    augment
        Changes of intensity that set a pair's two copies of one patch apart, each drawn on its own; empty: those of the
        stage.
    """

    states: tuple[float, float, float, float] = (0.4, 0.3, 0.15, 0.15)
    added: float = 1.5
    histories: tuple[float, float, float] = (0.5, 0.25, 0.25)
    holes: float = 4.0
    own_shapes: float = 0.5
    positive: float = 0.8
    margin: int = 1
    median_mm3: float = 70.0
    spread: float = 0.9
    augment: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> SyntheticSettings:
        """From a stage's ``sample.options``.

        Raises
        ------
        ConfigError
            If an entry is unknown, shares do not add to 1, or an augmentation changes more than intensities.
        """
        entries = dict(options.get("synthetic", {}))
        known = [entry.name for entry in fields(cls)]
        for name, value in entries.items():
            if name not in known:
                raise ConfigError(f"sample.options.synthetic: found {name!r}; known are {', '.join(known)}")
            if isinstance(value, list):
                entries[name] = tuple(value)
        settings = cls(**entries)
        augment = Augment(settings.augment)
        if augment.spatial or augment.lesions:
            raise ConfigError("sample.options.synthetic.augment: found a spatial one, or one of lesions; expected "
                              "changes of intensity")  # fmt: skip
        for name, length in (("states", 4), ("histories", 3)):
            shares = getattr(settings, name)
            if len(shares) != length or min(shares) < 0 or not np.isclose(sum(shares), 1):
                raise ConfigError(
                    f"sample.options.synthetic.{name}: found {list(shares)}; expected {length} shares that add to 1"
                )
        return settings

    def shape(self, rng: np.random.Generator, source: Source) -> Mask:
        """The shape of one lesion, on the source's grid."""
        if source.shapes and rng.uniform() < self.own_shapes:
            return known_shape(rng, source.shapes)
        volume = LesionSizes(self.median_mm3, self.spread).draw(rng)
        return blob(rng, volume / source.spacing**3)
