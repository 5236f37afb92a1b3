from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from learn.boosting.trained import model, noisy_pair, settings, write_pairs
from newlesions.detect.refinement.apply import refine
from newlesions.errors import ConfigError
from newlesions.images.morphology import label_lesions
from newlesions.learn.boosting.fit import fit
from newlesions.learn.boosting.held_out import COLUMNS, held_out
from newlesions.learn.boosting.samples import collect, write_samples


def test_a_model_finds_new_lesions_that_it_has_not_seen_and_rejects_drift():
    for seed in (21, 22):
        pair, truth = noisy_pair(seed)
        row = held_out(pair, truth, model(), "p", "s")
        assert row["F1_score"] > 0.8
        assert row["Dice"] > 0.6
        assert set(row) <= set(COLUMNS)


def test_nothing_is_found_where_nothing_is_new():
    pair, truth = noisy_pair(24)
    assert not truth.any()
    row = held_out(pair, truth, model(), "p", "s")
    assert row["NbTestedLesions"] <= 1


def test_equal_training_gives_equal_models_on_any_number_of_threads(tmp_path):
    paths = write_pairs(tmp_path, 6)
    one, other = (fit(paths, settings(), threads) for threads in (1, 2))
    assert [b.model_to_string() for b in one.voxel] == [b.model_to_string() for b in other.voxel]
    assert [b.model_to_string() for b in one.lesion] == [b.model_to_string() for b in other.lesion]
    assert (one.threshold, one.accept, one.calibration) == (other.threshold, other.accept, other.calibration)


def test_the_papers_features_over_the_whole_brain(tmp_path):
    over = settings(features="neighbours", region="brain", lesions=False, threshold=0.2, min_voxels=27, minor_axis=2.0)
    found = fit(write_pairs(tmp_path, 5, over), over, 1, "prados2021")
    assert not found.lesion
    assert found.frequency is None
    assert found.threshold == 0.2
    pair, truth = noisy_pair(9)
    refined = refine(pair, found)
    assert (refined.change == 1)[truth].mean() > 0.4
    sizes = np.bincount(label_lesions(refined.change == 1).ravel())[1:]
    assert (sizes >= 27).all()


def test_a_threshold_is_chosen_on_held_out_folds(tmp_path):
    over = settings(lesions=False)
    assert 0.1 <= fit(write_pairs(tmp_path, 4, over), over, 1).threshold <= 0.5


def test_memory_is_bounded_by_the_rows_asked_for(tmp_path):
    paths = write_pairs(tmp_path, 4)
    few = fit(paths, settings(lesions=False, max_rows=400), 1)
    assert len(few.voxel) == 3


def test_too_few_subjects_or_lesions(tmp_path):
    with pytest.raises(ConfigError, match="found 1 subjects; expected at least two"):
        fit(write_pairs(tmp_path, 1), settings(), 1)
    with pytest.raises(ConfigError, match=r"found \d candidates that are lesions; expected at least 10"):
        fit(write_pairs(tmp_path, 2), settings(), 1)


def test_without_false_candidates_voxels_decide(tmp_path):
    paths = []
    for seed in range(4):
        pair, truth = made_pair(seed)
        paths.append(tmp_path / f"{seed}.npz")
        write_samples(paths[-1], collect(pair, truth, f"p{seed}", f"s{seed}", settings()))
    found = fit(paths, settings(), 1)
    assert not found.lesion
    pair, truth = made_pair(9)
    assert held_out(pair, truth, found, "p", "s")["F1_score"] == 1
