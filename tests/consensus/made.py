"""Small pairs with a known new lesion, and systems that see it more or less well."""

from __future__ import annotations

from typing import Any

import numpy as np

from newlesions.evaluate.masks import LabelImage, label_image

SHAPE = (20, 18, 14)


def truth(pair: int, lesion: bool = True) -> np.ndarray:
    """A mask with one lesion, at another place in each pair."""
    mask = np.zeros(SHAPE, bool)
    if lesion:
        i, j, k = np.random.default_rng(pair).integers(3, 9, 3)
        mask[i : i + 6, j : j + 6, k : k + 4] = True
    return mask


def seen(mask: np.ndarray, error: float, seed: int) -> np.ndarray:
    """What a system says of ``mask``, float32: the more ``error``, the less."""
    noise = np.random.default_rng(seed).normal(0, error, mask.shape)
    near = np.zeros(mask.shape, bool)
    near[2:-2, 2:-2, 2:-2] = True
    return np.where(near, np.clip(np.where(mask, 0.7, 0.3) + noise, 0, 1), 0).astype(np.float32)


def read(pair: int, errors: tuple[float, ...]) -> tuple[np.ndarray[Any, Any], LabelImage]:
    """A pair's maps by systems of these errors, and its reference; a function of a module, for other processes."""
    mask = truth(pair)
    return np.stack([seen(mask, error, 100 * pair + n) for n, error in enumerate(errors)]), label_image(mask)
