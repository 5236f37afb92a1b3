"""What surrounds the brain on a FLAIR: skull with marrow, muscle, fat and skin, eyes, airways, bone of the face."""

from __future__ import annotations

import numpy as np

from newlesions.images.volume import Array
from newlesions.simulate.fields import Field, ramp, shell, smooth_noise

_BONE = 0.06
_FLUID = 0.05


def outside_brain(rng: np.random.Generator, points: Field, cavity: Field, skin: Field, spacing: int) -> Field:
    """Intensities (white matter 1) of everything between the cranial cavity and the air, shape (I, J, K).

    Parameters
    ----------
    rng
        Draws thickness and brightness: fat runs from suppressed (0.3) to twice as bright as white matter.
    points
        Template RAS mm of each voxel, shape (3, I, J, K).
    cavity, skin
        Signed distances (mm) to the cranial cavity and to the skin, negative inside.
    spacing
        Voxel size in mm.
    """
    fat = float(np.exp(rng.uniform(np.log(0.3), np.log(2.0))))
    marrow = min(1.2, rng.uniform(0.25, 0.45) + 0.35 * max(fat - 0.5, 0.0))
    muscle = rng.uniform(0.25, 0.45)
    wide = smooth_noise(rng, cavity.shape, spacing, 12.0)
    fine = smooth_noise(rng, cavity.shape, spacing, 3.5)
    output = np.zeros(cavity.shape, dtype=np.float32)

    # From here on only the voxels concerned, as flat arrays.
    where = (skin < 1) & ((cavity > -3) | (points[2] < -55))
    x, y, z = points[:, where]
    wide, fine, beyond, under = wide[where], fine[where], cavity[where], -skin[where]
    vault = ramp(z, -48, -30)
    thickness = np.maximum(6.5 + 1.5 * wide, 3.5)
    face = ramp(wide + 0.5 * fine, 0.2, 0.8) * ramp(y, 0, 30)
    value = muscle * (1 + 0.25 * fine)
    value = _over(value, face, _BONE + 0.5 * fat * ramp(fine, 0.6, 1.4))
    value = _over(value, shell(beyond, -2.0, thickness) * vault, _BONE)
    value = _over(value, shell(beyond, 2.0, thickness - 1.5) * vault, marrow * (1 + 0.3 * fine))
    value = _over(value, shell(under, 1.5, 5.0 + 1.5 * wide), fat * (0.85 + 0.15 * fine))
    value = _over(value, shell(under, 0.0, 1.8), 0.45)
    value = _over(value, shell(under, 2.0, 12.0) * ramp(fine, 2.3, 2.7) * ramp(beyond, 6, 9), 1.3)
    value = _airways(value, x, y, z, fine)
    value = _eyes(value, x, y, z, fat)
    output[where] = np.clip(value, 0, None) * ramp(under, -0.5, 0.5)
    return output


def _over(below: Array, membership: Array, above: Array | float) -> Array:
    """Paint ``above`` on ``below`` where ``membership`` is 1."""
    return below + (above - below) * membership


def _eyes(value: Array, x: Array, y: Array, z: Array, fat: float) -> Array:
    """Two dark balls with a rim, in sockets filled with fat."""
    near = (y > 20) & (z < 0) & (z > -70)
    side, front, up = np.abs(x[near]) - 32, y[near] - 60, z[near] + 36
    socket = np.sqrt((side / 17) ** 2 + ((front + 10) / 28) ** 2 + (up / 16) ** 2)
    eye = np.sqrt(side**2 + front**2 + up**2)
    inner = _over(value[near], 1 - ramp(socket, 0.92, 1.0), 0.2 + 0.4 * fat)
    inner = _over(inner, shell(eye, 10.8, 12.8), 0.5)
    value[near] = _over(inner, 1 - ramp(eye, 10.8, 11.4), _FLUID)
    return value


def _airways(value: Array, x: Array, y: Array, z: Array, fine: Array) -> Array:
    """Nose, sinuses and throat: black, with mucosa where the noise folds it."""
    cavities = [
        ((0, 62, -52), (13, 28, 24)),
        ((0, 30, -40), (12, 12, 9)),
        ((0, 20, -85), (10, 9, 40)),
        ((-33, 48, -66), (13, 15, 15)),
        ((33, 48, -66), (13, 15, 15)),
    ]
    for (a, b, c), (p, q, r) in cavities:
        near = (np.abs(x - a) < 1.5 * p) & (np.abs(y - b) < 1.5 * q) & (np.abs(z - c) < 1.5 * r)
        inside = ((x[near] - a) / p) ** 2 + ((y[near] - b) / q) ** 2 + ((z[near] - c) / r) ** 2
        air = 1 - ramp(np.sqrt(inside) + 0.1 * fine[near], 0.9, 1.05)
        value[near] = _over(value[near], air, 0.5 * ramp(fine[near], 1.0, 1.8))
    return value
