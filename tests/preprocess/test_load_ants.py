"""ANTs as the package loads it."""

from __future__ import annotations

import subprocess
import sys

LOAD = """
import sys
import numpy as np
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import load_ants, to_ants
ants = load_ants()
for name in ("matplotlib", "statsmodels", "sklearn", "requests", "ants.plotting", "ants.learn", "ants.deeplearn"):
    assert name not in sys.modules, name
image = to_ants(Volume(np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.eye(4)))
assert image.numpy().sum() == 276
import ants.plotting
assert ants.plotting.plot
"""


def test_what_is_not_used_is_not_loaded_and_can_be_loaded_later() -> None:
    finished = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
