from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from newlesions.images.transforms import read_itk
from newlesions.images.volume import Volume, apply_affine
from newlesions.preprocess.ants_images import scratch, to_ants, write_start


@pytest.mark.parametrize("sign", [1, -1])
def test_voxels_keep_their_values_and_their_place(sign: int) -> None:
    import ants

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix() @ np.diag([sign * 0.9, 1, 3])
    affine[:3, 3] = [12, -34, 56]
    volume = Volume(np.random.default_rng(0).uniform(0, 9, (6, 5, 4)).astype(np.float32), affine)
    image = to_ants(volume)
    np.testing.assert_array_equal(image.numpy(), volume.data)
    for index in ((0, 0, 0), (5, 4, 3), (1, 2, 3)):
        lps = ants.transform_index_to_physical_point(image, index)
        np.testing.assert_allclose(np.array(lps) * [-1, -1, 1], apply_affine(affine, index), atol=1e-6)


def test_rounded_headers_are_accepted() -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.round(Rotation.from_euler("x", 7, degrees=True).as_matrix(), 3)
    direction = to_ants(Volume(np.zeros((3, 3, 3), dtype=np.float32), affine)).direction
    np.testing.assert_allclose(direction @ direction.T, np.eye(3), atol=1e-12)


def test_scratch_is_removed_even_after_a_failure() -> None:
    kept: list[Path] = []
    with pytest.raises(RuntimeError), scratch() as folder:
        kept.append(folder)
        (folder / "x").write_text("x")
        raise RuntimeError
    assert not kept[0].exists()


def test_start_holds_the_matrix(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = [1, 2, 3]
    path = write_start(tmp_path, matrix, "first")
    assert path == str(tmp_path / "first.mat")
    np.testing.assert_allclose(read_itk(path), matrix)
