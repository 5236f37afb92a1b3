"""Recipes for the tests."""

from __future__ import annotations

from typing import Any


def entry(**over: Any) -> dict[str, Any]:
    """A stage that finds new lesions, small and whole."""
    plain: dict[str, Any] = {
        "task": "segment_new",
        "inputs": ["baseline", "followup"],
        "network": {"name": "unet3d", "channels": [4, 8]},
        "sample": {"patch": [16, 16, 16], "batch": 1},
        "optimise": {"steps": 2},
    }
    return plain | over


def recipe(**stages: Any) -> dict[str, Any]:
    """A recipe of these stages."""
    return {"id": "mine", "title": "t", "needs_model": True, "stages": stages or {"new": entry()}}
