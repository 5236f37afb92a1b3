from __future__ import annotations

import numpy as np

from newlesions.images.volume import Volume
from newlesions.preprocess.denoise import denoise


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
