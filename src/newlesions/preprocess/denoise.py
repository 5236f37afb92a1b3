"""Non-local-means denoising (Manjon 2010), by ANTs."""

from __future__ import annotations

from newlesions.images.morphology import Mask
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import load_ants, to_ants


def denoise(volume: Volume, brain: Mask) -> Volume:
    """Remove Rician noise inside ``brain`` with ANTs's default patches (1 voxel) and search radius (2 voxels)."""
    ants = load_ants()
    mask = to_ants(volume.with_data(brain.astype("float32")))
    quiet = ants.denoise_image(to_ants(volume), mask=mask, shrink_factor=1, p=1, r=2, noise_model="Rician")
    return volume.with_data(quiet.numpy().astype("float32"))
