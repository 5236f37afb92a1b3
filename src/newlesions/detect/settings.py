"""The settings of the subtraction, in one place, with what the paper says and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from newlesions.errors import ConfigError


@dataclass(frozen=True)
class SubtractionSettings:
    """Prados & Kanber 2021, first stage (proceedings p. 2), what has been found to help since, and La Rosa et al.

    All others are off unless a recipe sets them: ``standardise``, ``k_at`` and, of `detect.constraints`, ``tissue`` to
    ``shape`` are those of La Rosa et al. 2021 (p. 66).

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
    standardise
        Each image to zero mean and unit SD over its brain before the difference, and ``k`` and ``softness`` in these
        units instead of the difference's SD.
    k_at
        Pairs of a mutual information (ANTs) and the ``k`` from it on; below all of them ``k`` holds.
    tissue
        Where tissue comes from: ``none``, ``mni``, ``samseg`` or ``auto`` (`detect.tissue`).
    white_share
        At least this share of a cluster lies in white matter.
    other_share, other_share_mni
        A cluster touches fluid, grey matter, another structure or a lesion of the earlier visit, and is dropped, where
        more than this share of it lies there: by SAMSEG's tissue; by MNI's, which an affine brings to within a gyrus.
    contrast
        A cluster's mean in the later image is at least this multiple of the mean of its neighbours; 0 turns it off.
    least_axis_mm, sphericity
        The least of both that a cluster has (`detect.components`); 0 turns it off.
    shape
        ``either``: a cluster is dropped that falls short of one of the two; ``both``: of both.
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
    standardise: bool = False
    k_at: Sequence[Sequence[float]] = field(default_factory=list)
    tissue: str = "none"
    white_share: float = 0.0
    other_share: float = 1.0
    other_share_mni: float = 1.0
    contrast: float = 0.0
    least_axis_mm: float = 0.0
    sphericity: float = 0.0
    shape: str = "either"

    def at_information(self, information: float | None) -> SubtractionSettings:
        """The settings whose ``k`` is that of the pair's mutual information."""
        if information is None:
            return self
        reached = [(least, k) for least, k in self.k_at if information >= least]
        return replace(self, k=max(reached)[1]) if reached else self

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SubtractionSettings:
        """From a section of the configuration.

        Raises
        ------
        ConfigError
            If a name is unknown.
        """
        unknown = set(settings) - {one.name for one in fields(cls)}
        if unknown:
            raise ConfigError(f"candidates: unknown settings {', '.join(sorted(unknown))}")
        return cls(**settings)
