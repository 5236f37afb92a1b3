"""How a scanner sees a head: pose, grid, slice profile, blur, bias field, noise, gain, gamma."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from newlesions.images.volume import Affine, Array, Grid, Volume, apply_affine
from newlesions.simulate.fields import Field, spread

_FWHM = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class Protocol:
    """Settings of one scan.

    ``codes`` names the storage axes as nibabel does ("LPS"); ``spacing`` (mm) follows these axes, the largest being the
    slices. ``tilt`` (deg) turns the grid against the scanner's axes (oblique). ``margins`` (mm) is the room left around
    the brain at left and right, back and front, bottom, top. ``bias`` is the field's range over the head (0.3: 30 %),
    ``noise`` the SD relative to white matter, ``blur`` the in-plane FWHM in mm.
    """

    codes: str = "LPS"
    spacing: tuple[float, float, float] = (1.0, 1.0, 3.0)
    tilt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    margins: tuple[float, float, float, float] = (22.0, 24.0, 12.0, 18.0)
    bias: float = 0.3
    noise: float = 0.03
    blur: float = 1.0
    gain: float = 300.0
    gamma: float = 1.0


def draw_protocol(rng: np.random.Generator, voxel: tuple[float, float, float] | None = None) -> Protocol:
    """A random protocol: 1 mm isotropic, or slices of 2 to 6 mm in any of the three planes.

    ``voxel`` (mm: in plane, in plane, slice) overrides the resolution.
    """
    plane = rng.choice(["axial", "sagittal", "coronal"], p=[0.6, 0.25, 0.15])
    if voxel is None:
        if rng.uniform() < 0.3:
            voxel = (1.0, 1.0, 1.0)
        else:
            inplane = float(rng.choice([0.7, 0.8, 0.9, 1.0]))
            voxel = (inplane, inplane, float(rng.choice([2.0, 3.0, 3.0, 3.5, 4.0, 4.0, 5.0, 6.0])))
    codes = str(rng.choice(_CODES[plane]))
    oblique = rng.uniform() < 0.6
    a, b, c = (rng.normal(0, 5, 3).clip(-12, 12) * oblique).round(2).tolist()
    return Protocol(
        codes=codes,
        spacing=voxel,
        tilt=(a, b, c),
        margins=(22.0, 24.0, float(rng.uniform(0, 40)), float(rng.uniform(14, 24))),
        bias=float(rng.uniform(0.2, 0.4)),
        noise=float(rng.uniform(0.015, 0.05)),
        blur=float(rng.uniform(0.6, 1.4)),
        gain=float(np.exp(rng.uniform(np.log(80), np.log(900)))),
        gamma=float(rng.uniform(0.9, 1.12)),
    )


_CODES = {
    "axial": ["LPS", "RAS", "LAS", "RPS"],
    "sagittal": ["ASR", "PSR", "PIR", "PIL"],
    "coronal": ["LSA", "LIP", "RSA", "LSP"],
}


def draw_pose(rng: np.random.Generator) -> Affine:
    """How the head lies in the scanner: world_from_subject, rotations within 12 deg, shifts within 10 mm."""
    pose = np.eye(4)
    angles = rng.normal(0, (6, 4, 5)).clip(-12, 12)
    pose[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    pose[:3, 3] = rng.uniform(-10, 10, 3)
    return pose


def scan_grid(protocol: Protocol, pose: Affine, brain_points: Array) -> Grid:
    """The voxel grid, in scanner RAS mm, that covers ``brain_points`` (subject mm, shape (n, 3)) and margins."""
    turn = Rotation.from_euler("xyz", protocol.tilt, degrees=True).as_matrix()
    seen = apply_affine(pose, brain_points) @ turn
    side, ends, bottom, top = protocol.margins
    low = seen.min(axis=0) - np.array([side, ends, bottom])
    high = seen.max(axis=0) + np.array([side, ends, top])
    orientation = nib.orientations.axcodes2ornt(tuple(protocol.codes))
    shape, columns, origin = [], [], (low + high) / 2
    for (axis, sign), step in zip(orientation, protocol.spacing, strict=True):
        a = int(axis)
        n = int(np.ceil((high[a] - low[a]) / step))
        column = np.zeros(3)
        column[a] = sign * step
        origin = origin - column * (n - 1) / 2
        shape.append(n)
        columns.append(column)
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.stack(columns, axis=1)
    affine[:3, 3] = turn @ origin
    # Stored as float32 in NIfTI: rounded now, so that the file and the transforms agree exactly.
    affine = affine.astype(np.float32).astype(np.float64)
    return Grid((shape[0], shape[1], shape[2]), affine)


def observe(fine: Volume, grid: Grid, world_from_subject: Affine) -> Field:
    """What a scanner sees of ``fine`` (isotropic) in each voxel of ``grid``, in one interpolation.

    Voxel axes longer than a fine voxel are sampled several times. Thick slices are weighted by a Gaussian whose FWHM is
    one slice, so that neighbours overlap as they do in 2D scans.
    """
    thinnest = float(grid.spacing.min())
    axes = [_samples(step, float(fine.spacing[0]), thinnest) for step in grid.spacing]
    return _weighted_samples(fine, grid, world_from_subject, axes, order=1)


def filling(mask: Volume, grid: Grid, world_from_subject: Affine) -> Field:
    """The fraction of each voxel of ``grid`` that the voxels (cubes) of a fine ``mask`` fill."""
    # Odd numbers of samples: their fraction is never exactly one half.
    counts = [2 * int(np.ceil(0.75 * step / mask.spacing[0])) + 1 for step in grid.spacing]
    axes = [[((i + 0.5) / n - 0.5, 1 / n) for i in range(n)] for n in counts]
    return _weighted_samples(mask, grid, world_from_subject, axes, order=0)


def _weighted_samples(
    fine: Volume, grid: Grid, world_from_subject: Affine, axes: list[list[tuple[float, float]]], order: int
) -> Field:
    """The sum of samples at the given offsets (in voxels of ``grid``) along its axes, each with its weight."""
    fine_from_voxel = np.linalg.inv(world_from_subject @ fine.affine) @ grid.affine
    data = fine.data.astype(np.float32, copy=False)
    total = np.zeros(grid.shape, dtype=np.float32)
    sample = np.empty_like(total)
    for along_i, along_j, along_k in product(*axes):
        (a, wa), (b, wb), (c, wc) = along_i, along_j, along_k
        start = fine_from_voxel[:3, :3] @ np.array([a, b, c]) + fine_from_voxel[:3, 3]
        ndimage.affine_transform(data, fine_from_voxel[:3, :3], start, output=sample, order=order, prefilter=False)
        total += np.float32(wa * wb * wc) * sample
    return total


def _samples(step: float, fine: float, thinnest: float) -> list[tuple[float, float]]:
    """Where along a voxel axis of ``step`` mm to sample, in voxels from its centre, and with which weight."""
    n = max(1, int(np.ceil(step / fine - 0.25)))
    if n > 1 and step > 1.5 * thinnest:
        places = np.linspace(-0.9, 0.9, 2 * n + 1)
        weights = np.exp(-0.5 * (places * _FWHM) ** 2)
    else:
        places = (np.arange(n) + 0.5) / n - 0.5
        weights = np.ones(n)
    weights = weights / weights.sum()
    return list(zip(places.tolist(), weights.tolist(), strict=True))


def scan(seen: Field, grid: Grid, protocol: Protocol, bias: np.random.Generator, noise: np.random.Generator) -> Array:
    """Turn what the voxels see into a scanner's int16 values: blur, gamma, bias field, Rician noise, gain."""
    sigma = protocol.blur / _FWHM / grid.spacing
    sigma[grid.spacing > 1.5 * grid.spacing.min()] = 0  # the slice profile has blurred these
    image = ndimage.gaussian_filter(seen, sigma) if protocol.blur > 0 else seen
    image = np.power(np.clip(image, 0, None), protocol.gamma) * bias_field(bias, grid, protocol.bias)
    real = image + protocol.noise * noise.standard_normal(image.shape, dtype=np.float32)
    imaginary = protocol.noise * noise.standard_normal(image.shape, dtype=np.float32)
    magnitude = np.sqrt(real**2 + imaginary**2) * protocol.gain
    return np.clip(np.rint(magnitude), 0, 32767).astype(np.int16)


def bias_field(rng: np.random.Generator, grid: Grid, strength: float) -> Field:
    """A smooth positive field about 1 whose extremes in the grid's inner part differ by ``strength`` (0.3: 30 %).

    It is fixed to the grid's centre, so that equal random numbers give the same field on grids of other extents.
    """
    scale = 60.0
    knots = scale * np.arange(-5, 6)
    places = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(grid.shape, grid.spacing, strict=True)]
    kernels = [np.exp(-((place[:, None] - knots) ** 2) / (2 * scale**2)) for place in places]
    log = spread(rng.standard_normal((len(knots),) * 3), kernels)
    inner = log[tuple(slice(n // 6, n - n // 6) for n in grid.shape)]
    log = (log - inner.mean()) / max(float(np.ptp(inner)), 1e-6)
    return np.exp(np.log1p(strength) * log).astype(np.float32)
