"""Whether two grids hold the same voxels in another order, and how to go from one order to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newlesions.images.volume import Array, Grid, apply_affine


@dataclass(frozen=True)
class Order:
    """How the axes of an array become others: axis n is the old axis ``axes[n]``, turned round where ``turned[n]``."""

    axes: tuple[int, int, int]
    turned: tuple[bool, bool, bool]

    def apply(self, data: Array) -> Array:
        """``data``, shape (I, J, K), in the other order."""
        moved = np.transpose(data, self.axes)
        return np.flip(moved, tuple(axis for axis, turned in enumerate(self.turned) if turned))


def same_voxels(source: Grid, target: Grid, tolerance: float) -> Order | None:
    """The order that brings an array on ``source`` to ``target``; None if their voxels differ by over ``tolerance`` mm.

    >>> flipped = np.diag([-1.0, 2.0, 3.0, 1.0])
    >>> flipped[0, 3] = 4.0
    >>> same_voxels(Grid((5, 6, 7), np.diag([1.0, 2.0, 3.0, 1.0])), Grid((5, 6, 7), flipped), 0.1)
    Order(axes=(0, 1, 2), turned=(True, False, False))
    """
    order, distance = nearest_order(source, target)
    return order if distance <= tolerance else None


def nearest_order(source: Grid, target: Grid) -> tuple[Order, float]:
    """The order that fits best, and how far the outermost voxels lie apart then, in mm; infinite for other shapes."""
    mixing = np.linalg.inv(target.affine[:3, :3]) @ source.affine[:3, :3]
    axes = np.abs(mixing).argmax(axis=1)
    order = Order(
        (int(axes[0]), int(axes[1]), int(axes[2])),
        (bool(mixing[0, axes[0]] < 0), bool(mixing[1, axes[1]] < 0), bool(mixing[2, axes[2]] < 0)),
    )
    shape = tuple(source.shape[axis] for axis in order.axes)
    if sorted(order.axes) != [0, 1, 2] or shape != target.shape:
        return order, float("inf")
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in target.shape], indexing="ij")).reshape(3, -1).T
    there = np.empty_like(ends)
    for axis, (origin, turned) in enumerate(zip(order.axes, order.turned, strict=True)):
        there[:, origin] = target.shape[axis] - 1 - ends[:, axis] if turned else ends[:, axis]
    apart = apply_affine(source.affine, there) - apply_affine(target.affine, ends)
    return order, float(np.sqrt((apart**2).sum(axis=1)).max())
