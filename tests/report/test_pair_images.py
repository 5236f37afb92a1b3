from __future__ import annotations

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume, apply_affine
from newlesions.report.lesion_cards import build_card, find_places
from newlesions.report.pair_images import read_pair_images
from newlesions.report.tables import read_lesions
from report.synthetic import AFFINE, FOLLOWUP_FROM_HALFWAY, GONE, NEW, write_pair

NAMES = ("baseline", "followup", "change", "probability", "brain")


def images_of(arguments):
    return read_pair_images(**{name: arguments[name] for name in NAMES})


def test_the_cut_keeps_every_brain_voxel_where_it_was(tmp_path):
    arguments = write_pair(tmp_path)
    images, whole = images_of(arguments), read_volume(arguments["brain"], np.uint8)
    assert images.brain.sum() == whole.data.sum()
    centre = apply_affine(images.affine, np.argwhere(images.change == 1).mean(axis=0))
    assert np.allclose(centre, apply_affine(AFFINE, np.array(NEW)))


def test_lesions_are_found_through_the_followups_own_millimetres(tmp_path):
    arguments = write_pair(tmp_path)
    images = images_of(arguments)
    places = find_places(read_lesions(arguments["lesions"]), images, FOLLOWUP_FROM_HALFWAY, 60)
    for number, centre in ((1, NEW), (2, GONE)):
        found = apply_affine(images.affine, places[number].point)
        assert np.allclose(found, apply_affine(AFFINE, np.array(centre)), atol=1e-6)
        assert places[number].component == 1


def test_a_lesion_far_from_any_change_is_shown_at_its_centroid(tmp_path):
    arguments = write_pair(tmp_path, lesions=False)
    table = write_pair(tmp_path / "other")["lesions"]
    images = images_of(arguments)
    place = find_places(read_lesions(table), images, FOLLOWUP_FROM_HALFWAY, 60)[1]
    assert place.component == 0
    assert np.allclose(apply_affine(images.affine, place.point), apply_affine(AFFINE, np.array(NEW)))
    assert not any(figure.outlines for figure in build_card(read_lesions(table)[0], place, images).main)


def test_what_is_gone_is_outlined_at_baseline_and_what_is_new_at_followup(tmp_path):
    arguments = write_pair(tmp_path)
    images, lesions = images_of(arguments), read_lesions(arguments["lesions"])
    places = find_places(lesions, images, FOLLOWUP_FROM_HALFWAY, 60)
    new, gone = (build_card(lesion, places[lesion.id], images) for lesion in lesions)
    assert new.main[3].alt.startswith("Follow-up") and gone.main[3].alt.startswith("Baseline")
    assert [bool(figure.outlines) for figure in new.small] == [False, True, False, True]
    assert [bool(figure.outlines) for figure in gone.small] == [True, False, True, False]
    assert [outline.kind for outline in new.main[3].outlines] == ["new"]


def test_another_grid_is_refused(tmp_path):
    arguments = write_pair(tmp_path)
    write_volume(arguments["change"], Volume(np.zeros((4, 4, 4), np.uint8), AFFINE))
    with pytest.raises(InputError, match=r"change\.nii\.gz"):
        images_of(arguments)


def test_a_grid_that_is_not_isotropic_ras_is_carried_onto_one(tmp_path):
    arguments = write_pair(tmp_path)
    turned = AFFINE @ np.array([[-1, 0, 0, 47], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for name in NAMES:
        volume = read_volume(arguments[name], np.uint8 if name in ("change", "brain") else np.float32)
        write_volume(arguments[name], Volume(volume.data[::-1], turned))
    images = images_of(arguments)
    assert np.allclose(images.affine[:3, :3], np.eye(3) * images.spacing)
    centre = apply_affine(images.affine, np.argwhere(images.change == 1).mean(axis=0))
    assert np.allclose(centre, apply_affine(AFFINE, np.array(NEW)), atol=0.2)
