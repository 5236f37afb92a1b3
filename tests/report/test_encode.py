from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from newlesions.report.encode import data_uri


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_a_picture_survives_the_way_into_text_and_back(shape):
    picture = np.tile(np.linspace(0, 255, 30).astype(np.uint8)[:, None], (20, 1, 3))[..., : 3 if len(shape) == 3 else 1]
    picture = picture.reshape(shape)
    head, body = data_uri(picture, 95).split(",", 1)
    assert head == "data:image/webp;base64"
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("L"), float)
    assert decoded.shape == (20, 30)
    assert np.abs(decoded - np.atleast_3d(picture)[..., 0]).mean() < 5


def test_equal_pictures_give_equal_text():
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    assert data_uri(picture) == data_uri(picture.copy())
