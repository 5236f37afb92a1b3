"""Which patches train a network of the task ``classify_components``: around what is a lesion, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.components import overlaps
from newlesions.detect.networks.candidates import Labels, centres, patch_around
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask, label_lesions
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.centres import thrown


@dataclass(frozen=True)
class CandidateCase:
    """A case's inputs and where patches of it are cut.

    Attributes
    ----------
    channels
        float16, (C, I, J, K).
    true
        The middles of the candidates that meet the reference in a voxel, and of the reference's own lesions, (n, 3):
        the earlier stage misses few, and what it misses is still a lesion.
    false
        The middles of the other candidates, (m, 3).
    elsewhere
        Brain without reference, bool, (I, J, K).
    """

    channels: NDArray[np.float16]
    true: NDArray[np.int64]
    false: NDArray[np.int64]
    elsewhere: Mask

    @classmethod
    def of(cls, channels: NDArray[Any], labels: Labels, reference: Mask, brain: Mask) -> CandidateCase:
        """From the inputs, the candidates, the reference of new lesions and the brain, each (I, J, K)."""
        hits, middles = overlaps(labels, reference) > 0, centres(labels)
        own = centres(label_lesions(reference))
        true = np.concatenate([middles[hits], own])
        return cls(channels.astype(np.float16), true, middles[~hits], brain & ~reference)


def candidate_elements(
    cases: Sequence[CandidateCase], sides: Sequence[int], positive: float
) -> Callable[[np.random.Generator], Element]:
    """What draws one training element: a patch, and whether the lesion in its middle is one, both (1, 1, 1).

    Parameters
    ----------
    positive
        The chance of a true one. Of false candidates any is as likely as any other; where no case has one, the patch is
        centred anywhere in a brain without reference.

    Raises
    ------
    ConfigError
        If no case has a lesion.
    """
    true = [(number, n) for number, case in enumerate(cases) for n in range(len(case.true))]
    false = [(number, n) for number, case in enumerate(cases) for n in range(len(case.false))]
    if not true:
        raise ConfigError("found no new lesion; expected at least one pair whose reference has one")

    def draw(rng: np.random.Generator) -> Element:
        wanted = rng.random() < positive
        some = true if wanted else false
        if some:
            number, n = some[int(rng.integers(len(some)))]
            centre = (cases[number].true if wanted else cases[number].false)[n]
        else:
            number = int(rng.integers(len(cases)))
            free = cases[number].elsewhere
            centre = thrown(rng, free.shape, lambda points: free[tuple(points.T)])
        patch = patch_around(cases[number].channels, centre, sides).astype(np.float32)
        return Element(patch, np.full((1, 1, 1, 1), wanted, np.float32), np.ones((1, 1, 1), np.float32))

    return draw
