"""Each lesion at both visits, from three sides, with its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from newlesions.images.volume import Affine, Array, apply_affine
from newlesions.report.encode import data_uri
from newlesions.report.figures import AXES, PLANES, Plane, crop, display_point, diverging, enlarge, section
from newlesions.report.pair_images import PairImages
from newlesions.report.picture import Figure, Outline, change_outlines, grey_source, letters_of, reference_outline
from newlesions.report.tables import Lesion

_NEAREST_MM = 12.0
_ENLARGED = 2.0


@dataclass(frozen=True)
class Place:
    """Where a lesion is shown.

    Voxel ``point``, shape (3,); the ``side`` in voxels of the square that holds it; the lesion's label among the
    components of its kind, 0 if none is near.
    """

    point: NDArray[np.float64]
    side: int
    component: int = 0


@dataclass(frozen=True)
class Card:
    """One lesion's pictures. ``dots`` are its (x, y) in the three whole-brain views."""

    lesion: Lesion
    main: list[Figure]
    small: list[Figure]
    dots: dict[Plane, tuple[float, float]]
    crop_mm: int


def why_of(refined: Mapping[str, Any] | None) -> dict[int, str]:
    """What moved the classifier most, by the lesion's id: ``contrast +0.9, near the cortex −0.4``.

    ``refined`` is what the step `refine` wrote. The numbers are effects on the logit of the probability.
    """
    rows = refined["lesions"] if refined else []
    return {row["id"]: ", ".join(map(_effect, row["top"])) for row in rows if row["top"]}


def _effect(item: Mapping[str, Any]) -> str:
    name = item.get("meaning") or str(item["feature"]).replace("_", " ")
    return f"{name} {item['effect']:+.1f}".replace(" -", " −")


def find_places(
    lesions: list[Lesion], images: PairImages, followup_from_working: Affine, crop_mm: float
) -> dict[int, Place]:
    """Where each lesion with a position lies in ``images``, by the lesion's id.

    The table holds centroids in the follow-up's own millimetres. A centroid can lie beside its lesion and the table's
    components can differ a little from those of the working grid, so the nearest component of the same kind within
    12 mm is taken, in its largest axial section; failing that, the centroid itself.
    """
    voxel_from_followup = np.linalg.inv(followup_from_working @ images.affine).astype(np.float64)
    trees: dict[str, tuple[cKDTree, NDArray[np.int64]]] = {}
    places = {}
    for lesion in lesions:
        if lesion.world is None:
            continue
        centroid = apply_affine(voxel_from_followup, np.array(lesion.world))
        if lesion.kind not in trees:
            voxels = np.argwhere(images.components[lesion.kind])
            trees[lesion.kind] = (cKDTree(voxels.reshape(-1, 3)), voxels)
        places[lesion.id] = _place(centroid, images, lesion.kind, *trees[lesion.kind], crop_mm)
    return places


def build_card(lesion: Lesion, place: Place, images: PairImages) -> Card:
    """The pictures of one lesion: axial baseline, follow-up, difference and outline; then two other planes.

    A lesion that is gone or shrinks is outlined at baseline, where it can be seen; the others at follow-up.
    """
    visit, name = ("baseline", "Baseline") if lesion.kind in ("gone", "shrinking") else ("followup", "Follow-up")
    axial = _View(images, place, "axial", lesion.kind)
    main = [
        axial.grey_figure("baseline", f"Baseline, axial section at lesion {lesion.label}", "Baseline"),
        axial.grey_figure("followup", f"Follow-up, the same section at lesion {lesion.label}", "Follow-up"),
        axial.difference_figure(f"Follow-up minus baseline at lesion {lesion.label}", "Difference"),
        axial.outlined_figure(visit, f"{name} with the outline of lesion {lesion.label}", f"{name}, outlined"),
    ]
    small = []
    for plane in ("sagittal", "coronal"):
        view = _View(images, place, plane, lesion.kind)
        for seen, word in (("baseline", "before"), ("followup", "after")):
            alt = f"{seen}, {plane} section at lesion {lesion.label}".capitalize()
            draw = view.outlined_figure if seen == visit else view.grey_figure
            small.append(draw(seen, alt, f"{plane}, {word}"))
    dots = {plane: display_point(place.point, images.brain.shape, plane) for plane in PLANES}
    return Card(lesion, main, small, dots, round(place.side * images.spacing))


def build_missed(
    number: int,
    world: tuple[float, float, float],
    images: PairImages,
    followup_from_working: Affine,
    crop_mm: float,
) -> list[Figure]:
    """The axial section at a reference lesion that was missed: baseline, follow-up, difference and outline.

    ``world`` is its centroid in the follow-up's own millimetres.
    """
    voxel_from_followup = np.linalg.inv(followup_from_working @ images.affine).astype(np.float64)
    point = apply_affine(voxel_from_followup, np.array(world))
    view = _View(images, Place(point, round(crop_mm / images.spacing)), "axial", "new")
    name = f"reference lesion {number}"
    return [
        view.grey_figure("baseline", f"Baseline, axial section at the missed {name}", "Baseline"),
        view.grey_figure("followup", f"Follow-up, the same section at the missed {name}", "Follow-up"),
        view.difference_figure(f"Follow-up minus baseline at the missed {name}", "Difference"),
        view.outlined_figure("followup", f"Follow-up with the outline of the missed {name}", "Follow-up, outlined"),
    ]


class _View:
    """One plane through a lesion, cut to the square around it."""

    def __init__(self, images: PairImages, place: Place, plane: Plane, kind: str) -> None:
        self.images, self.place, self.plane, self.kind = images, place, plane, kind
        self.centre = display_point(place.point, images.brain.shape, plane)
        limit = images.brain.shape[AXES[plane][0]] - 1
        self.index = int(np.clip(round(float(place.point[AXES[plane][0]])), 0, limit))

    def cut(self, volume: Array) -> tuple[Array, tuple[int, int]]:
        return crop(section(volume, self.plane, self.index), self.centre, self.place.side)

    def outlines(self) -> list[Outline]:
        """Of the lesion itself, faintly of its neighbours, and of the reference."""
        labels, _ = self.cut(self.images.change)
        own, _ = self.cut(self.images.components[self.kind])
        mine = own == (self.place.component or -1)
        reference = None if self.images.reference is None else self.cut(self.images.reference)[0]
        return [
            *change_outlines(np.where(mine, 0, labels), faint=True),
            *change_outlines(np.where(mine, labels, 0)),
            *reference_outline(reference),
        ]

    def figure(self, source: str, alt: str, caption: str, **drawn: object) -> Figure:
        side = float(self.place.side)
        figure: Mapping[str, object] = {
            "letters": letters_of(self.plane),
            "letter_size": side / (15 if self.plane == "axial" else 9),
            **drawn,
        }
        return Figure(source, side, side, alt, caption, **figure)  # type: ignore[arg-type]

    def grey_figure(self, name: str, alt: str, caption: str) -> Figure:
        return self.figure(
            grey_source(self.cut(getattr(self.images, name))[0], self.images.window, _ENLARGED), alt, caption
        )

    def difference_figure(self, alt: str, caption: str) -> Figure:
        flat = enlarge(self.cut(self.images.difference)[0], _ENLARGED)
        inside = enlarge(self.cut(self.images.brain)[0], _ENLARGED) > 0.5
        picture = diverging(np.where(inside, flat, 0), self.images.difference_limit)
        return self.figure(data_uri(picture, 88), alt, caption)

    def outlined_figure(self, name: str, alt: str, caption: str) -> Figure:
        flat, (left, top) = self.cut(getattr(self.images, name))
        source = grey_source(flat, self.images.window, _ENLARGED)
        x, y = self.centre[0] - left, self.centre[1] - top
        cross = None if self.plane == "axial" else (x, y, 0.22 * self.place.side)
        bar = 10 / self.images.spacing if self.plane == "axial" else None
        return self.figure(source, alt, caption, outlines=self.outlines(), cross=cross, scale_bar=bar)


def _place(
    centroid: NDArray[np.float64],
    images: PairImages,
    kind: str,
    tree: cKDTree,
    voxels: NDArray[np.int64],
    crop_mm: float,
) -> Place:
    side = round(crop_mm / images.spacing)
    distance, nearest = tree.query(centroid) if len(voxels) else (np.inf, 0)
    if distance * images.spacing > _NEAREST_MM:
        return Place(centroid, side)
    labels = images.components[kind]
    values = labels[tuple(voxels.T)]
    members = voxels[values == labels[tuple(voxels[nearest])]]
    levels, areas = np.unique(members[:, 2], return_counts=True)
    largest = levels[areas == areas.max()]
    level = largest[np.abs(largest - centroid[2]).argmin()]
    in_level = members[members[:, 2] == level]
    middle = in_level[((in_level - in_level.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    extent = int(np.ptp(members, axis=0).max()) + 1
    component = int(labels[tuple(voxels[nearest])])
    return Place(middle.astype(float), max(side, round(extent * 1.4)), component)
