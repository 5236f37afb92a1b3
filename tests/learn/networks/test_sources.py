import dataclasses

import numpy as np
import pytest

from learn.networks.small import SHAPE, make_case, make_stage
from newlesions.errors import ConfigError, InputError
from newlesions.learn.networks.sources import Task, atoms, chosen, lesion_voxels, read_source, tasks_of


def test_names_of_expressions_come_once_and_in_order():
    assert atoms(["followup - baseline", "2 * lesions(followup) / (1 + brain)", "baseline"]) == [
        "followup", "baseline", "lesions(followup)", "brain",
    ]  # fmt: skip


def test_voxels_of_lesions_lie_together():
    mask = np.zeros((6, 6, 6), np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = 1  # one lesion, over a corner
    mask[4, 4, 2:5] = 1
    voxels, starts = lesion_voxels(mask)
    assert [sorted(map(tuple, part.tolist())) for part in np.split(voxels, starts[1:])] == [
        [(0, 0, 0), (1, 1, 1)],
        [(4, 4, 2), (4, 4, 3), (4, 4, 4)],
    ]
    empty = lesion_voxels(np.zeros((3, 3, 3), np.uint8))
    assert [part.size for part in empty] == [0, 0]


def test_a_source_holds_what_the_stage_sees():
    case = make_case(0)
    (task,) = tasks_of(case, make_stage())
    source = read_source(task, make_stage(), {})
    assert source.images.shape == (2, *SHAPE)
    np.testing.assert_array_equal(source.target, case.masks["new"])
    outside = source.images[:, ~case.brain].astype(np.float32)
    np.testing.assert_array_equal(outside, np.broadcast_to(source.zero[:, None], outside.shape))
    assert np.abs(source.images[:, case.brain].astype(np.float32).mean(1)).max() < 0.01  # zscore_brain


def test_enlarging_lesions_do_not_count_where_they_are_ignored():
    case = make_case(0)
    new = case.masks["new"] > 0
    grown = np.zeros_like(new)
    grown[2:4, 2:4, 2:4] = True
    case.masks["enlarging"] = grown.astype(np.uint8)
    case.change[:] = 0
    case.change[new] = case.change[5, 2, 2] = 2
    (task,) = tasks_of(case, make_stage())
    assert read_source(task, make_stage(), {}).counted.all()
    ignoring = make_stage(sample={"options": {"enlarging": "ignored"}})
    left = ~read_source(task, ignoring, {}).counted
    grown[5, 2, 2] = True
    np.testing.assert_array_equal(left, grown & ~new)


def test_outputs_of_other_stages_are_inputs():
    case = make_case(0)
    stage = make_stage(inputs=["followup", "other(followup) - other(baseline)"])
    (task,) = tasks_of(case, stage)
    outputs = {
        f"other({visit})": np.full(SHAPE, value, np.float32) for visit, value in (("baseline", 0.25), ("followup", 1))
    }
    source = read_source(task, stage, outputs)
    assert [float(image.max()) for image in source.images[1:]] == [1, 0.25]


def test_visits_with_masks_train_a_stage_of_visits():
    stage = make_stage(task="segment_lesions", inputs=["flair"])
    case = make_case(0, gone=True)
    tasks = list(tasks_of(case, stage))
    assert [(task.mask, task.visit) for task in tasks] == [
        ("baseline_lesions", "baseline"),
        ("followup_lesions", "followup"),
    ]
    images = [read_source(task, stage, {}).images[0] for task in tasks]
    assert images[0][9, 6, 8] > images[1][9, 6, 8]  # the lesion that is gone
    del case.masks["baseline_lesions"]
    assert [task.visit for task in tasks_of(case, stage)] == ["followup"]


def test_a_pair_is_seen_backwards_when_asked():
    stage = make_stage(sample={"patch": [8, 8, 8], "options": {"directions": "both"}})
    case = make_case(0, gone=True)
    ahead, back = tasks_of(case, stage)
    np.testing.assert_array_equal(back.case.baseline, ahead.case.followup)
    np.testing.assert_array_equal(back.case.masks["new"], case.masks["gone"])
    assert len(list(tasks_of(make_case(0), stage))) == 1


def test_only_changed_pairs_train_when_asked():
    stage = make_stage(sample={"patch": [8, 8, 8], "cases": "changed"})
    sources = [read_source(next(tasks_of(make_case(n, n), stage)), stage, {}) for n in (0, 1)]
    assert [source.name for source in chosen(sources, stage)] == ["sub-01_ses-2"]
    with pytest.raises(ConfigError, match="at least one pair whose reference has a new lesion"):
        chosen(sources[:1], stage)


def test_stages_of_visits_without_masks_say_which_columns_to_fill():
    with pytest.raises(ConfigError, match="columns baseline_lesions or followup_lesions"):
        chosen([], make_stage(task="segment_lesions", inputs=["flair"]))


def test_values_beyond_half_precision_are_refused():
    case = make_case(0)
    case.followup[11, 13, 10] = 1e6
    stage = make_stage(prepare={"normalise": "none"})
    with pytest.raises(InputError, match="input followup with a value of 1e"):
        read_source(next(tasks_of(case, stage)), stage, {})


def test_raters_are_targets_in_the_order_of_their_names():
    case = make_case(0)
    masks = {f"rater_{name}": np.full(SHAPE, number, np.uint8) for number, name in enumerate("ab")}
    rated = dataclasses.replace(case, masks={**dict(reversed(masks.items())), **case.masks})
    stage = make_stage(sample={"patch": [8, 8, 8], "options": {"raters": 2}})
    source = read_source(Task(rated, "new"), stage, {})
    assert [mask.max() for mask in source.raters] == [0, 1]
    assert read_source(Task(rated, "new"), make_stage(), {}).raters == ()
    with pytest.raises(ConfigError, match="found 0 raters' masks of sub-00_ses-2; expected 2, in the column raters"):
        read_source(Task(case, "new"), stage, {})
