from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import apply_affine
from newlesions.preprocess.template import Template, brain_grid_in_mni, load_template


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template(4.0)


def test_maps_share_one_ras_grid(template: Template) -> None:
    for volume in template:
        assert volume.data.shape == template.flair.data.shape
        np.testing.assert_array_equal(np.diag(volume.affine), [4, 4, 4, 1])
        assert volume.data.dtype == np.float32


def test_maps_lie_between_0_and_1(template: Template) -> None:
    for volume in (template.brain, template.grey, template.white):
        assert volume.data.min() >= 0
        assert volume.data.max() <= 1.001


def test_the_brain_is_a_head_of_the_right_size_about_the_middle(template: Template) -> None:
    brain = template.brain
    litres = brain.data.sum() * brain.voxel_volume / 1e6
    assert 1.7 < litres < 2.1  # the MNI152 brain is a large one
    centre = np.argwhere(brain.data > 0.5).mean(axis=0)
    x, y, z = brain.affine[:3, :3] @ centre + brain.affine[:3, 3]
    assert abs(x) < 1
    assert -25 < y < -10
    assert 5 < z < 20


def test_tissue_lies_inside_the_brain(template: Template) -> None:
    tissue = (template.grey.data + template.white.data) > 0.8
    assert (template.brain.data[tissue] > 0.5).mean() > 0.99


def test_contrast_is_that_of_a_flair(template: Template) -> None:
    white, grey = (np.median(template.flair.data[kind.data > 0.9]) for kind in (template.white, template.grey))
    inside = template.brain.data > 0.99
    fluid = np.median(template.flair.data[inside & (template.grey.data + template.white.data < 0.02)])
    assert fluid < 0.5 * white < 0.5 * grey


def test_the_template_is_loaded_once(template: Template) -> None:
    assert load_template(4.0) is template


def test_the_grid_of_mni_holds_the_brain_on_the_templates_own_voxels(template: Template) -> None:
    grid = brain_grid_in_mni(1.0)
    np.testing.assert_array_equal(grid.affine[:3, :3], np.eye(3))
    np.testing.assert_array_equal(grid.affine[:3, 3] % 1, 0)
    inside = apply_affine(template.brain.affine, np.argwhere(template.brain.data))
    corners = grid.corners()
    margins = np.array([inside.min(axis=0) - corners.min(axis=0), corners.max(axis=0) - inside.max(axis=0)])
    assert ((margins >= 6) & (margins <= 14)).all()
