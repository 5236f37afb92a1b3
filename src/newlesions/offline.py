"""Keeping libraries from the network."""

from __future__ import annotations

import os


def quiet_nipype() -> None:
    """Keep nipype from asking its maintainers' server for newer versions. To be called before it is imported."""
    os.environ["NO_ET"] = os.environ["NIPYPE_NO_ET"] = "1"
