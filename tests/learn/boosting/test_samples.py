from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from learn.boosting.trained import settings
from newlesions.images.volume import apply_affine
from newlesions.learn.boosting.samples import collect, read_samples, write_samples


def test_labels_places_and_what_is_ignored():
    pair, truth = made_pair()
    at = tuple(np.argwhere(~truth & pair.brain)[0])
    pair.change[truth] = 2
    pair.change[at] = 2
    samples = collect(pair, truth, "p", "s", settings())
    flat = truth.ravel()
    np.testing.assert_array_equal(samples.label == 1, flat[samples.index])
    assert not samples.ignored[samples.label == 1].any()
    assert samples.truth.size == truth.sum()
    places = np.stack(np.unravel_index(samples.index, samples.shape), axis=1)
    np.testing.assert_allclose(samples.mni, apply_affine(pair.grid.affine, places), atol=1e-3)


def test_lesions_known_to_have_grown_are_ignored():
    pair, truth = made_pair()
    pair.change[truth] = 1
    plain = collect(pair, np.zeros_like(truth), "p", "s", settings())
    grown = collect(pair, np.zeros_like(truth), "p", "s", settings(), enlarging=truth)
    np.testing.assert_array_equal(grown.ignored, plain.ignored | truth.ravel()[grown.index])
    assert grown.ignored.sum() > plain.ignored.sum()


def test_the_brain_is_thinned_and_weighted(tmp_path):
    pair, truth = made_pair()
    samples = collect(pair, truth, "p", "s", settings(region="brain", features="neighbours", negatives=300))
    assert (samples.label == 0).sum() == 300
    assert samples.label.sum() == truth.sum()
    assert samples.weight.sum(dtype=float) == pytest.approx(pair.brain.sum())
    again = collect(pair, truth, "p", "s", settings(region="brain", features="neighbours", negatives=300))
    other = collect(pair, truth, "q", "s", settings(region="brain", features="neighbours", negatives=300))
    assert np.array_equal(samples.index, again.index)
    assert not np.array_equal(samples.index, other.index)


def test_files_hold_everything_without_pickle(tmp_path):
    pair, truth = made_pair()
    samples = collect(pair, truth, "sub-01_ses-M12", "01", settings())
    write_samples(tmp_path / "s.npz", samples)
    read = read_samples(tmp_path / "s.npz")
    for name, value in vars(samples).items():
        assert np.array_equal(value, getattr(read, name)), name
