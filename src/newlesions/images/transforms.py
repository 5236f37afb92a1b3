"""Rigid and affine transforms as 4x4 matrices over RAS millimetres, their averages and halves, and their files.

A matrix named ``b_from_a`` maps points of space a to points of space b. Files follow ITK: LPS millimetres, and
``from-a_to-b`` holds the matrix that maps points of b to points of a, which is what resampling an image of a onto a
grid of b needs.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from newlesions.images.files import write_bytes, write_text
from newlesions.images.volume import Affine, Grid

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def rigid_log(matrix: Affine) -> NDArray[np.float64]:
    """The logarithm of a rigid matrix: rotation vector (rad) and translation part of the Lie algebra (mm), shape (6,).

    Raises
    ------
    ValueError
        If ``matrix`` is not rigid.
    """
    rotation = matrix[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(rotation) < 0:
        raise ValueError("the matrix is not rigid")
    vector = Rotation.from_matrix(rotation).as_rotvec()
    return np.concatenate([vector, np.linalg.solve(_left_jacobian(vector), matrix[:3, 3])])


def rigid_exp(twist: NDArray[np.float64]) -> Affine:
    """The rigid matrix whose logarithm is ``twist``, shape (6,): rotation vector (rad), translation part (mm)."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(twist[:3]).as_matrix()
    matrix[:3, 3] = _left_jacobian(twist[:3]) @ twist[3:]
    return matrix


def inverse_consistent(forward: Affine, backward: Affine) -> Affine:
    """The rigid mean of ``forward`` and the inverse of ``backward`` in the Lie algebra (Reuter 2010).

    Exchanging the two arguments inverts the result.
    """
    return rigid_exp((rigid_log(forward) - rigid_log(backward)) / 2)


def half(matrix: Affine) -> Affine:
    """The rigid matrix that, applied twice, is ``matrix``."""
    return rigid_exp(rigid_log(matrix) / 2)


def rms_distance(a: Affine, b: Affine, points: NDArray[np.float64]) -> float:
    """Root mean square distance in mm between the images of ``points``, shape (n, 3), under ``a`` and ``b``."""
    difference = points @ (a - b)[:3, :3].T + (a - b)[:3, 3]
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


def movement(a: Affine, b: Affine, point: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """How ``b`` carries ``point``, shape (3,), away from where ``a`` carries it.

    Returns
    -------
    tuple
        The way from the image under ``a`` to that under ``b`` in RAS mm, shape (3,), and the angle between the two
        rigid matrices in degrees.
    """
    way = (b - a)[:3, :3] @ point + (b - a)[:3, 3]
    turned = Rotation.from_matrix(b[:3, :3] @ a[:3, :3].T)
    return way, float(np.degrees(turned.magnitude()))


def write_itk(path: Path | str, matrix: Affine) -> None:
    """Write an ITK ``.mat`` (MATLAB level 4). ``matrix`` maps the output's RAS mm to the input's RAS mm."""
    lps = _LPS @ matrix @ _LPS
    parameters = np.concatenate([lps[:3, :3].ravel(), lps[:3, 3]])[:, None]
    buffer = io.BytesIO()
    content = {"AffineTransform_double_3_3": parameters, "fixed": np.zeros((3, 1))}
    scipy.io.savemat(buffer, content, format="4")
    write_bytes(path, buffer.getvalue())


def read_itk(path: Path | str) -> Affine:
    """Read an ITK ``.mat`` that holds a matrix, as 4x4 from the output's RAS mm to the input's RAS mm.

    Raises
    ------
    ValueError
        If the file holds no linear transform of twelve parameters: Euler angles and versors have six.
    """
    content = scipy.io.loadmat(path)
    names = [key for key in content if key.endswith(("_double_3_3", "_float_3_3")) and content[key].size == 12]
    if not names:
        raise ValueError(f"{path}: found no matrix and offset; expected an ITK transform with twelve parameters")
    return itk_parameters(content[names[0]].ravel(), content["fixed"].ravel())


def itk_parameters(parameters: NDArray[np.float64], centre: NDArray[np.float64]) -> Affine:
    """ITK's twelve matrix-and-offset parameters about ``centre`` (LPS mm) as a 4x4 matrix over RAS mm."""
    lps = np.eye(4)
    lps[:3, :3] = np.asarray(parameters[:9]).reshape(3, 3)
    lps[:3, 3] = parameters[9:12] + centre - lps[:3, :3] @ centre
    return _LPS @ lps @ _LPS


def write_fsl(path: Path | str, matrix: Affine, source: Grid, target: Grid) -> None:
    """Write a FLIRT matrix for resampling ``source`` onto ``target``.

    ``matrix`` maps the target's RAS mm to the source's RAS mm; FLIRT stores the opposite direction, over millimetres
    that start at the first voxel and run left when the grid's determinant is positive.
    """
    flirt = _flirt_space(target) @ np.linalg.inv(target.affine) @ np.linalg.inv(matrix)
    flirt = flirt @ source.affine @ np.linalg.inv(_flirt_space(source))
    write_text(path, "".join("  ".join(f"{value:.10f}" for value in row) + "\n" for row in flirt))


def _flirt_space(grid: Grid) -> Affine:
    scale = np.diag([*grid.spacing, 1.0])
    if np.linalg.det(grid.affine[:3, :3]) > 0:
        flip = np.eye(4)
        flip[0, 0], flip[0, 3] = -1, grid.shape[0] - 1
        scale = scale @ flip
    return scale


def _left_jacobian(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of SO(3): it carries the Lie algebra's translation part to the matrix's translation."""
    angle = float(np.linalg.norm(vector))
    skew = np.array([[0, -vector[2], vector[1]], [vector[2], 0, -vector[0]], [-vector[1], vector[0], 0]])
    if angle < 1e-6:
        return np.eye(3) + skew / 2 + skew @ skew / 6
    first = (1 - np.cos(angle)) / angle**2
    return np.eye(3) + first * skew + (angle - np.sin(angle)) / angle**3 * (skew @ skew)
