"""Denoising by ANTs: non-local means (Manjon 2010), or anisotropic diffusion (Perona & Malik 1990)."""

from __future__ import annotations

from newlesions.images.morphology import Mask
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import load_ants, to_ants

_STEPS, _CONDUCTANCE = 5, 1.0


def denoise(volume: Volume, brain: Mask) -> Volume:
    """Remove Rician noise inside ``brain`` with ANTs's default patches (1 voxel) and search radius (2 voxels)."""
    ants = load_ants()
    mask = to_ants(volume.with_data(brain.astype("float32")))
    quiet = ants.denoise_image(to_ants(volume), mask=mask, shrink_factor=1, p=1, r=2, noise_model="Rician")
    return volume.with_data(quiet.numpy().astype("float32"))


def diffuse(volume: Volume) -> Volume:
    """Smooth within regions and not across their edges: ITK's gradient anisotropic diffusion.

    What counts as an edge is in units of the volume's mean gradient, so that a scanner's scale does not matter. Steps
    and conductance are ITK's own defaults.
    """
    ants = load_ants()
    smooth = ants.iMath(to_ants(volume), "PeronaMalik", _STEPS, _CONDUCTANCE)
    return volume.with_data(smooth.numpy().astype("float32"))
