"""A simulated subject, drawn from its plan, and its scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.transforms import half
from newlesions.images.volume import Affine, Grid, Volume, apply_affine
from newlesions.simulate.acquisition import draw_pose, observe, scan, scan_grid
from newlesions.simulate.anatomy import FLUID, WHITE, Anatomy, make_anatomy
from newlesions.simulate.fields import Field
from newlesions.simulate.lesions import Lesion, make_lesions
from newlesions.simulate.plan import SubjectPlan, stream


@dataclass(frozen=True)
class Subject:
    """A drawn subject: anatomy, lesions with their histories, and per visit the pose (world_from_subject)."""

    plan: SubjectPlan
    anatomy: Anatomy
    lesions: list[Lesion]
    poses: tuple[Affine, ...]

    def followup_from_baseline(self, baseline: int, followup: int) -> Affine:
        """The exact rigid matrix between two visits' RAS millimetres."""
        return np.asarray(self.poses[followup] @ np.linalg.inv(self.poses[baseline]))


def draw_subject(plan: SubjectPlan) -> Subject:
    """Draw the anatomy, the lesions and the poses that the plan determines."""
    anatomy = make_anatomy(stream(plan.seed, "anatomy"), plan.spacing)
    lesions = make_lesions(stream(plan.seed, "lesions"), anatomy, plan.baseline_lesions, plan.changes, plan.sizes)
    poses = tuple(draw_pose(stream(plan.seed, "pose", visit)) for visit in range(len(plan.visits)))
    return Subject(plan, anatomy, lesions, poses)


def visit_grid(subject: Subject, visit: int) -> Grid:
    """The scan's own grid, in the visit's RAS mm."""
    points = apply_affine(subject.anatomy.affine, subject.anatomy.brain_points())
    return scan_grid(subject.plan.visits[visit].protocol, subject.poses[visit], points)


def render(subject: Subject, visit: int) -> Volume:
    """The scan of one visit in its own grid, int16: the fine image of that day seen in one interpolation."""
    plan, grid = subject.plan, visit_grid(subject, visit)
    fine = Volume(fine_image(subject, visit), subject.anatomy.affine)
    seen = observe(fine, grid, subject.poses[visit])
    bias = stream(plan.seed, "bias", 0 if plan.no_change else visit)
    noise = stream(plan.seed, "noise", visit)
    return Volume(scan(seen, grid, plan.visits[visit].protocol, bias, noise), grid.affine)


def fine_image(subject: Subject, visit: int) -> Field:
    """The head of that visit on the fine grid: lesions as they are then, ventricles widened. White matter is 1."""
    plan, image = subject.plan, subject.anatomy.flair.copy()
    rng = stream(plan.seed, "brightness", 0 if plan.no_change else visit)
    for lesion in subject.lesions:
        # Lesions that do not change still vary a little in brightness, as real ones do.
        bright = WHITE + lesion.contrast * (1 + 0.05 * rng.standard_normal())
        tissue = image[lesion.box]
        with_texture = bright + 0.5 * (tissue - WHITE)
        image[lesion.box] = tissue + lesion.extent(visit) * np.maximum(with_texture - tissue, 0)
    _widen(image, subject.anatomy, plan.visits[visit].widening)
    return image


def _widen(image: Field, anatomy: Anatomy, widening: float) -> None:
    """Turn tissue within ``widening`` mm of the ventricles into fluid, in place."""
    if widening <= 0:
        return
    near = (anatomy.ventricles > -3) & (anatomy.ventricles < 4)
    i, j, k = (slice(max(place.min() - 2, 0), place.max() + 3) for place in np.nonzero(near))
    box, near = (i, j, k), near[i, j, k]
    outwards = np.asarray(np.gradient(anatomy.ventricles[box], anatomy.spacing))
    outwards /= np.maximum(np.sqrt((outwards**2).sum(axis=0)), 0.3)
    at = np.stack(np.nonzero(near)) - outwards[:, near] * widening / anatomy.spacing
    fluid = anatomy.fluid[box]
    gained = np.clip(ndimage.map_coordinates(fluid, at, order=1, mode="nearest") - fluid[near], 0, 1)
    inner = image[box]
    inner[near] = inner[near] * (1 - gained) + FLUID * gained


def halfway_poses(subject: Subject, baseline: int, followup: int) -> tuple[Affine, Affine, Affine]:
    """``baseline_from_halfway``, ``followup_from_halfway`` and ``halfway_from_subject`` of a pair, all rigid."""
    halfway_from_baseline = half(subject.followup_from_baseline(baseline, followup))
    halfway_from_subject = halfway_from_baseline @ subject.poses[baseline]
    followup_from_halfway = subject.poses[followup] @ np.linalg.inv(halfway_from_subject)
    return np.asarray(np.linalg.inv(halfway_from_baseline)), followup_from_halfway, halfway_from_subject
