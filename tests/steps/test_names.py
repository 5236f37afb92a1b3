from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.files import write_json
from newlesions.images.transforms import rigid_exp
from newlesions.steps.names import matrix_rows, named, read_matrices

SCAN = Path("/out/work/sub-01/ses-M12/bias.nii.gz")


def test_an_error_about_an_array_names_its_session() -> None:
    with pytest.raises(InputError) as caught, named(SCAN):
        raise InputError("image", "nothing", "a head")
    assert str(caught.value) == "sub-01/ses-M12: found nothing; expected a head"
    assert isinstance(caught.value.__cause__, InputError)


def test_other_errors_pass_unchanged() -> None:
    error = InputError("given.nii", "nothing", "a mask")
    with pytest.raises(InputError) as caught, named(SCAN):
        raise error
    assert caught.value is error
    with pytest.raises(ZeroDivisionError), named(SCAN):
        raise ZeroDivisionError


def test_matrices_keep_every_digit(tmp_path: Path) -> None:
    matrix = rigid_exp(np.array([0.1, 0.2, 0.3, 4.0, 5.0, 6.0]))
    content = {"baseline_from_halfway": matrix_rows(matrix), "aligned": True, "quality": {"correlation": 0.5}}
    write_json(tmp_path / "halfway.json", content)
    read = read_matrices(tmp_path / "halfway.json")
    np.testing.assert_array_equal(read["baseline_from_halfway"], matrix)
    assert read["aligned"] is True and read["quality"] == {"correlation": 0.5}
