from __future__ import annotations

import numpy as np

from newlesions.images.volume import Volume
from newlesions.preprocess.denoise import denoise, diffuse


def test_noise_goes_and_edges_stay() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((24, 24, 24), 100.0)
    clean[12:] = 160
    noisy = np.hypot(clean + rng.normal(0, 6, clean.shape), rng.normal(0, 6, clean.shape)).astype(np.float32)
    volume = Volume(noisy, np.diag([-1.0, 1, 1, 1]))
    brain = np.zeros(clean.shape, dtype=bool)
    brain[2:22, 2:22, 2:22] = True
    quiet = denoise(volume, brain)
    assert quiet.data.dtype == np.float32
    assert quiet.data.shape == noisy.shape
    dark, bright = quiet.data[4:11, 4:20, 4:20], quiet.data[13:20, 4:20, 4:20]
    assert dark.std() < 0.5 * noisy[4:11, 4:20, 4:20].std()
    assert abs(dark.mean() - 100) < 1.5
    assert bright.mean() - dark.mean() > 0.97 * 60
    np.testing.assert_array_equal(denoise(volume, brain).data, quiet.data)


def test_diffusion_smooths_within_edges_on_any_scale() -> None:
    """Perona and Malik 1990, medeirosdesousa2021, p. 103."""
    rng = np.random.default_rng(0)
    noisy = np.full((24, 24, 24), 100.0)
    noisy[12:] = 160
    noisy = (noisy + rng.normal(0, 5, noisy.shape)).astype(np.float32)
    volume = Volume(noisy, np.diag([-1.0, 1, 1, 1]))
    quiet = diffuse(volume).data
    assert quiet.dtype == np.float32
    dark, bright = quiet[4:11, 4:20, 4:20], quiet[13:20, 4:20, 4:20]
    assert dark.std() < 0.8 * noisy[4:11, 4:20, 4:20].std()
    assert bright.mean() - dark.mean() > 0.98 * 60 and quiet[12].mean() - quiet[11].mean() > 0.9 * 60
    np.testing.assert_allclose(diffuse(volume.with_data(10 * noisy)).data, 10 * quiet, rtol=1e-4)
    np.testing.assert_array_equal(diffuse(volume).data, quiet)
