"""What a classifier learns from one pair: files in, one file out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions.steps.pair_data import read_pair_data, read_truth


def sample(
    pair: str,
    subject: str,
    reference: str,
    *,
    working: Path,
    flair: Path,
    samples: Path,
    settings: Mapping[str, Any],
    **files: Any,
) -> None:
    """Write the features of the pair's voxels and lesions, and which of them the reference holds.

    Parameters
    ----------
    pair, subject
        The pair's id and the subject's label.
    reference
        The path of the mask of new lesions, on the follow-up's own grid, that of ``flair``.
    working, files
        As in `read_pair_data`.
    samples
        The result, an .npz file without pickled objects.
    settings
        Of the section ``train``: ``features``, ``region``, ``negatives`` and ``seed``.

    Raises
    ------
    InputError
        If the reference is no mask on that grid.
    """
    from newlesions.learn.boosting.samples import collect, write_samples

    data = read_pair_data(working=working, **files)
    truth = read_truth(Path(reference), flair, working, data.grid)
    write_samples(samples, collect(data, truth, pair, subject, dict(settings)))
