"""A trained model of networks on a bucket of pairs: loaded once, and reading and writing beside computing."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import zip_longest
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from newlesions.errors import ConfigError, InputError
from newlesions.images.files import write_json
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.reasons import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from newlesions.networks.case import Case

FILES = ("baseline", "followup", "brain", "change", "working", "baseline_report", "followup_report")
"""What is read of each pair, as in `pair_data.read_pair_data`."""


def network(
    pairs: Sequence[Mapping[str, str]],
    model_files: Sequence[Path],
    report: Path,
    limits: Mapping[str, Any],
    candidates: Mapping[str, Any],
    digests: Mapping[str, str] | None = None,
) -> None:
    """Apply a model of networks in both directions to each pair; a pair that fails is recorded, the others go on.

    Parameters
    ----------
    pairs
        Of each: ``pair`` and ``subject``; the paths ``baseline``, ``followup``, ``brain``, ``change``, ``working``,
        ``baseline_report`` and ``followup_report`` of what is read, as in `read_pair_data`; ``rise`` and ``fall``, the
        paths of what is written: the probability of what is new and of what is gone, float32, on the working grid.
    model_files
        The model's files; the first lies in its folder.
    report
        JSON: ``recipe``; ``stage``, the one whose probability is written; ``device``; ``model``, the digests; and in
        ``pairs`` of each pair ``reason`` (null, or why it failed) and ``looked_at_voxels`` (null if it failed).
    limits
        Of the section ``networks``: ``device`` and ``threads``; how wide the networks are is the model's.
    candidates
        The settings of the candidates.
    digests
        SHA-256 of the model's files by name.

    Raises
    ------
    ConfigError
        If the model cannot be read: that is no pair's fault.
    """
    from newlesions.detect.networks.apply import both_directions
    from newlesions.detect.networks.model import NetworkModel
    from newlesions.detect.networks.window import device_of
    from newlesions.networks.stages import Limits

    model, within = NetworkModel.read(model_files[0].parent), Limits.of(limits)
    model.load()

    def compute(case: Case) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return both_directions(case, model, within)

    write_json(
        report,
        {
            "recipe": model.recipe,
            "stage": model.answer.name,
            "device": device_of(within.device).type,
            "model": dict(digests or {}),
            "pairs": _in_turn(pairs, lambda pair: read_case_of(pair, candidates), compute),
        },
    )


def read_case_of(pair: Mapping[str, str], candidates: Mapping[str, Any]) -> Case:
    """The case of a pair's files in the work folder.

    Raises
    ------
    InputError
        If a file is missing, as where an earlier step failed.
    """
    from newlesions.networks.case import crop
    from newlesions.steps.pair_data import read_pair_data

    paths = {name: Path(pair[name]) for name in FILES}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise InputError(pair["pair"], f"no {missing[0].name}", "the files of the earlier steps")
    data = read_pair_data(**paths, candidates=candidates)
    if not data.brain.any():
        raise InputError(pair["pair"], "no brain that both visits show", "a brain mask with voxels")
    return crop(
        pair["pair"],
        pair["subject"],
        (data.before, data.after),
        data.brain,
        data.change,
        data.grid,
        data.mni_from_working,
        data.slice_mm,
    )


def _in_turn(
    pairs: Sequence[Mapping[str, str]],
    read: Callable[[Mapping[str, str]], Case],
    compute: Callable[[Case], tuple[NDArray[np.float32], NDArray[np.float32]]],
) -> dict[str, dict[str, Any]]:
    """Compute pair after pair, while the next one is read and the last one is written; what became of each."""
    rows: dict[str, dict[str, Any]] = {}
    writes: dict[str, Future[None]] = {}
    # One thread for each of the two, and one pair ahead of and behind the one that is computed: memory is bounded.
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        reads = deque(reader.submit(read, pair) for pair in pairs[:1])
        for pair, following in zip_longest(pairs, pairs[1:]):
            start, name, current = perf_counter(), pair["pair"], reads.popleft()
            if following is not None:
                reads.append(reader.submit(read, following))
            try:
                case = current.result()
                ready, spent = perf_counter(), process_time()
                both = compute(case)
                done, spent = perf_counter(), process_time() - spent
                wait(list(writes.values())[-1:])
                writes[name] = writer.submit(write_both, pair, case, both)
                rows[name] = {"reason": None, "looked_at_voxels": int(case.brain.sum())}
                said = f"{done - ready:.1f} s ({spent:.1f} s of CPU), after {ready - start:.1f} s for its files"
                print(f"{name}: {said}", flush=True)  # noqa: T201
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this pair's alone: `decide` fails with it
                rows[name] = _failed(name, error)
    failures = {name: written.exception() for name, written in writes.items()}
    return rows | {name: _failed(name, error) for name, error in failures.items() if error is not None}


def write_both(
    paths: Mapping[str, str | Path], case: Case, both: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> None:
    """Write the probabilities of both directions, ``rise`` and ``fall``, on the whole working grid."""
    whole = case.affine.copy()
    whole[:3, 3] -= case.affine[:3, :3] @ case.offset
    for name, probability in zip(("rise", "fall"), both, strict=True):
        write_volume(Path(paths[name]), Volume(case.uncropped(probability), whole), level=1)


def _failed(name: str, error: BaseException) -> dict[str, Any]:
    """The row of a pair with the reason in one line; the whole story of what nobody expected goes to the log."""
    if isinstance(error, InputError | ConfigError):
        reason = one_line(str(error))
    else:
        traceback.print_exception(error)
        reason = one_line(f"{type(error).__name__}: {error}")
    print(f"{name} failed: {reason}", flush=True)  # noqa: T201 - the log is this step's standard output
    return {"reason": reason, "looked_at_voxels": None}
