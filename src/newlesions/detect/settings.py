"""The settings of the subtraction, in one place, with what the paper says and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from newlesions.errors import ConfigError


@dataclass(frozen=True)
class SubtractionSettings:
    """Prados & Kanber 2021, first stage (proceedings p. 2), and what has been found to help since.

    From the paper: ``k`` (1 there), ``hyperintense_sd`` (1), ``ventricle_erosions`` (2), ``brain_erosions`` (1),
    ``min_voxels`` (more than 5), ``erosions`` (1). Open in the paper: ``restore`` (does the cluster that survives the
    erosion come back whole?), ``connectivity``, ``statistics`` (over the whole brain or the inclusion region).

    Attributes
    ----------
    k
        Threshold of the difference in standard deviations above its mean.
    min_rise
        The least rise, as a share of the brain's median: on quiet pairs k SD would be less than any lesion's contrast.
    hyperintense_sd
        Voxels above mean + this many SD of the brain at baseline are no place for a new lesion; None turns it off.
    ventricle_erosions, brain_erosions
        How often (1 mm, 6 neighbours) MNI's ventricles and brain are eroded before they exclude and include.
    min_voxels
        A cluster has more voxels than this on the working grid.
    erosions
        How many erosions (6 neighbours) a cluster survives.
    restore
        A surviving cluster comes back whole; else its eroded remains are the candidate.
    connectivity
        6, 18 or 26.
    statistics
        ``brain`` or ``inclusion``: where mean and SD of the difference are taken.
    robust
        Median and 1.4826 MAD instead of mean and SD, which the lesions themselves inflate.
    smoothing_mm
        Gaussian (standard deviation) over the difference before the threshold.
    shift_mm
        A rise must exceed the brightest baseline voxel within this distance: small misregistration explains the rest.
    brighter_than
        A new lesion is brighter than this multiple of the brain's median at follow-up; 0 turns it off.
    min_mean_z
        A cluster's mean rise, in SD; 0 turns it off.
    enlarging_share
        Share of a cluster's contrast that the baseline shows near it from which on it counts as enlarging; None: none.
    lesion_sd
        Voxels above median + this many SD of the brain are taken for lesion by the classifiers' features.
    softness
        Width, in SD, of the logistic curve that turns the rise into a probability (0.5 at ``k``).
    """

    k: float = 1.5
    min_rise: float = 0.1
    hyperintense_sd: float | None = None
    ventricle_erosions: int = 2
    brain_erosions: int = 1
    min_voxels: int = 5
    erosions: int = 1
    restore: bool = True
    connectivity: int = 6
    statistics: str = "brain"
    robust: bool = False
    smoothing_mm: float = 0.7
    shift_mm: float = 1.0
    brighter_than: float = 1.0
    min_mean_z: float = 0.0
    enlarging_share: float | None = 0.55
    lesion_sd: float = 2.0
    softness: float = 0.5

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SubtractionSettings:
        """From a section of the configuration.

        Raises
        ------
        ConfigError
            If a name is unknown.
        """
        unknown = set(settings) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"candidates: unknown settings {', '.join(sorted(unknown))}")
        return cls(**settings)
