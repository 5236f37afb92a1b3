"""Spatial transforms: mirrored and turned exactly, or warped, all warps together in one interpolation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from newlesions.learn.networks.augment.frame import Frame, Image, along, between, resizing, uniform

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a patch come from.

    Attributes
    ----------
    frame
        The patch that results.
    order, mirrored
        Exact part, done last: the patch's axes in their new order, and which of the new axes are mirrored.
    matrix
        Warp: (n, n), from offsets to the patch's centre to offsets in the volume, in voxels; None: no warp.
    shift
        Further offsets in the volume, (n, *sides), in voxels; None: none.
    """

    frame: Frame
    order: tuple[int, ...]
    mirrored: tuple[int, ...] = ()
    matrix: Matrix | None = None
    shift: Image | None = None

    @classmethod
    def none(cls, frame: Frame) -> Geometry:
        """Nothing moves."""
        return cls(frame, tuple(range(len(frame.sides))))

    @property
    def reach(self) -> tuple[int, ...]:
        """The sides of the piece of the volume, around the same centre, that the patch is made of."""
        if self.matrix is None and self.shift is None:
            return self.frame.sides
        half = (np.asarray(self.frame.sides) - 1) / 2
        far = np.abs(self._matrix) @ half
        if self.shift is not None:
            far = far + np.abs(self.shift).reshape(len(half), -1).max(1)
        # An even surplus keeps the centre where it is.
        more = np.maximum(np.ceil(far - half), 0).astype(int) + 1
        return tuple(int(side + 2 * extra) for side, extra in zip(self.frame.sides, more, strict=True))

    def apply(self, piece: Image, linear: bool = True) -> Image:
        """The patch, (C, *sides), from the piece of sides `reach`, (C, *reach); 0 from beyond the piece."""
        if self.matrix is not None or self.shift is not None:
            piece = self._warped(piece, linear)
        piece = piece.transpose(0, *(axis + 1 for axis in self.order))
        return np.ascontiguousarray(np.flip(piece, tuple(axis + 1 for axis in self.mirrored)), dtype=np.float32)

    @property
    def _matrix(self) -> Matrix:
        return np.eye(len(self.frame.sides)) if self.matrix is None else self.matrix

    def _warped(self, piece: Image, linear: bool) -> Image:
        count = len(self.frame.sides)
        axes = np.ogrid[tuple(slice(0, side) for side in self.frame.sides)]
        grid = np.empty((*self.frame.sides, count), np.float32)
        for axis, (row, side) in enumerate(zip(self._matrix, piece.shape[1:], strict=True)):
            at = sum(w * (n - (own - 1) / 2) for w, n, own in zip(row, axes, self.frame.sides, strict=True))
            if self.shift is not None:
                at = at + self.shift[axis]
            # torch wants -1 to 1 between the outermost voxels' centres, the last axis first.
            grid[..., count - 1 - axis] = at / ((side - 1) / 2)
        sampled = functional.grid_sample(
            torch.from_numpy(np.ascontiguousarray(piece))[None],
            torch.from_numpy(grid)[None],
            mode="bilinear" if linear else "nearest",
            padding_mode="zeros",
            align_corners=True,
        )
        return np.asarray(sampled[0].numpy())


Draw = Callable[[np.random.Generator, Mapping[str, Any], Geometry], Geometry]


def flip(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """Mirror along each of ``axes`` with a chance of ``each``."""
    chosen = [axis for axis in now.frame.within(options["axes"]) if rng.random() < options["each"]]
    return _turned(now, now.order, chosen)


def orientations(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """One of the 48 ways (8 for slices) to lay the axes that keep the patch's shape."""
    sides = now.frame.sides
    count = len(sides)
    orders = [o for o in itertools.permutations(range(count)) if all(sides[o[n]] == sides[n] for n in range(count))]
    order = orders[int(rng.integers(len(orders)))]
    return _turned(
        now, tuple(now.order[axis] for axis in order), [n for n in range(count) if rng.random() < 0.5], order
    )


def transpose(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """Exchange two axes of the patch that are equally long, drawn from all such pairs."""
    sides = now.frame.sides
    pairs = [(a, b) for a, b in itertools.combinations(range(len(sides)), 2) if sides[a] == sides[b]]
    if not pairs:
        return now
    first, second = pairs[int(rng.integers(len(pairs)))]
    order = list(range(len(sides)))
    order[first], order[second] = second, first
    return _turned(now, tuple(now.order[axis] for axis in order), [], tuple(order))


def aspect(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """Stretch along one axis and shrink along another, to a ratio of ``range`` (drawn evenly on the logarithm), which
    keeps the volume."""
    first, second = rng.choice(len(now.frame.sides), 2, replace=False)
    ratio = float(np.exp(rng.uniform(*np.log(options["range"]))))
    scale = np.ones(len(now.frame.sides))
    scale[first], scale[second] = ratio**0.5, ratio**-0.5
    return Geometry(now.frame, now.order, now.mirrored, now._matrix @ np.diag(1 / scale), now.shift)


def affine(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """Turn about the patch's centre, scale, shear and move: ``degrees`` about each axis, ``scale`` (``isotropic``: the
    same for all axes), ``shear`` (tangents), ``translate`` in mm."""
    count = len(now.frame.sides)
    matrix = _rotation(rng, options["degrees"], count)
    scale = [uniform(rng, options["scale"]) for _ in range(1 if options["isotropic"] else count)]
    matrix = matrix @ np.diag(1 / np.broadcast_to(scale, count))
    shear = np.eye(count)
    for row, column in itertools.permutations(range(count), 2):
        if options["shear"]:
            shear[row, column] = uniform(rng, options["shear"])
    spacing = np.asarray(now.frame.spacing)
    in_voxels = np.diag(1 / spacing) @ matrix @ shear @ np.diag(spacing)
    shift = now.shift
    if options["translate"]:
        moved = np.array([uniform(rng, options["translate"]) for _ in range(count)]) / spacing
        moved = np.broadcast_to(moved.reshape(-1, *[1] * count), (count, *now.frame.sides)).astype(np.float32)
        shift = moved if shift is None else shift + moved
    return Geometry(now.frame, now.order, now.mirrored, now._matrix @ in_voxels, shift)


def elastic(rng: np.random.Generator, options: Mapping[str, Any], now: Geometry) -> Geometry:
    """Points ``every`` so many mm move by ``sd`` mm along each axis, those between smoothly with them."""
    sides, spacing = np.asarray(now.frame.sides), np.asarray(now.frame.spacing)
    knots = np.maximum(np.ceil(sides * spacing / options["every"]).astype(int) + 1, 3)
    sd = between(rng, options["sd"])
    field = rng.normal(0, sd, (len(sides), *knots)).astype(np.float32)
    for axis, (few, many) in enumerate(zip(knots, sides, strict=True), start=1):
        field = along(field, axis, resizing(int(few), int(many)))
    moved = (field / spacing.reshape(-1, *[1] * len(sides))).astype(np.float32)
    return Geometry(now.frame, now.order, now.mirrored, now.matrix, moved if now.shift is None else now.shift + moved)


def _turned(
    now: Geometry, order: tuple[int, ...], mirrored: list[int], carried: tuple[int, ...] | None = None
) -> Geometry:
    """``now`` with further exact turns; ``carried``: where the axes that were mirrored before have gone."""
    before = set(now.mirrored) if carried is None else {carried.index(axis) for axis in now.mirrored}
    return Geometry(now.frame, order, tuple(sorted(before ^ set(mirrored))), now.matrix, now.shift)


def _rotation(rng: np.random.Generator, degrees: Any, count: int) -> Matrix:
    matrix = np.eye(count)
    planes = [(0, 1)] if count == 2 else [(1, 2), (2, 0), (0, 1)]
    for first, second in planes:
        angle = np.deg2rad(uniform(rng, degrees))
        turn = np.eye(count)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    return matrix


_STILL: dict[str, Any] = {"degrees": 0, "scale": (1, 1), "isotropic": True, "shear": 0, "translate": 0}
TRANSFORMS: dict[str, tuple[Draw, dict[str, Any]]] = {
    "flip": (flip, {"axes": (0, 1, 2), "each": 0.5}),
    "orientations": (orientations, {}),
    "transpose": (transpose, {}),
    "aspect": (aspect, {"range": (0.5, 2.0)}),
    "rotate": (affine, _STILL | {"degrees": 15}),
    "scale": (affine, _STILL | {"scale": (0.85, 1.15)}),
    "affine": (affine, _STILL | {"degrees": 10, "scale": (0.9, 1.1), "shear": 0.05}),
    "elastic": (elastic, {"every": 16.0, "sd": 1.5}),
}
"""By name: how the transform is drawn, and its options with what they are when not given."""
