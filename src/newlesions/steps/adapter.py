"""Running one step as a job: its arguments, its threads, its log and its exit code.

A step is a function of the same name as its module in this room. It takes paths and settings as keyword arguments and
knows nothing about who calls it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from newlesions.errors import ConfigError, InputError
from newlesions.made import made_line
from newlesions.reasons import REASON, ending, one_line

_CALL = "CALL: "
# One thread in every library, because sums over several threads differ in the last bits: the same bytes on any number
# of cores. Cores serve several jobs at once instead.
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
    "ANTS_RANDOM_SEED": "1",
    "MPLBACKEND": "Agg",
}


def run_step(
    name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], params: Mapping[str, Any], log: Path | str
) -> int:
    """Call the step ``name`` with everything it prints in ``log``.

    Parameters
    ----------
    name
        The step's module and function.
    inputs, outputs
        Its files by argument name: a path, a list of paths, or an empty list for a file that is absent (``None``).
    params
        Its other arguments. One of an input's name replaces it: the path of a file that may be absent.
    log
        Rewritten. Its first line tells the call, so that `replay` can repeat it; the last line of a failed step's
        log is `reasons.REASON` and the reason. A step that succeeded says what it made, `made.made_line`: its outputs,
        and the paths that it returns where it wrote more.

    Returns
    -------
    int
        0, or 1 if the input was found unusable. Any other exception is logged and raised again.
    """
    call = {"step": name, "inputs": _plain(inputs), "outputs": _plain(outputs), "params": _plain(params)}
    with _captured(Path(log)):
        print(_CALL + json.dumps(call), flush=True)  # noqa: T201 - the log is this step's standard output
        return _call(call, Path(log))


def replay(log: Path | str) -> int:
    """Repeat, in this process, the step that wrote ``log``, which is rewritten."""
    return run_step(**recorded_call(log), log=log)


def recorded_call(log: Path | str) -> dict[str, Any]:
    """The call that ``log`` begins with, as `run_step` takes it: name, inputs, outputs, params."""
    with open(log, encoding="utf-8") as stream:
        line = stream.readline()
    if not line.startswith(_CALL):
        raise ValueError(f"{log} does not begin with a step's call")
    call = json.loads(line.removeprefix(_CALL))
    return {"name": call.pop("step"), **call}


def _call(call: dict[str, Any], log: Path) -> int:
    os.environ.update(_ENVIRONMENT)
    start = perf_counter()
    try:
        function = getattr(importlib.import_module(f"newlesions.steps.{call['step']}"), call["step"])
        further = function(**{**_paths(call["inputs"]), **_paths(call["outputs"]), **call["params"]})
        made = made_line(log, call["outputs"], further)
    except (InputError, ConfigError) as error:
        _write(REASON + one_line(str(error)))
        return 1
    except BaseException as error:
        _write(traceback.format_exc() + REASON + one_line(f"{type(error).__name__}: {error}"))
        raise
    _write(made)
    _write(ending(call["step"], perf_counter() - start))
    return 0


def _plain(files: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain_value(value) for key, value in files.items()}


def _plain_value(value: Any) -> Any:
    """``value`` as JSON can hold it: workflow engines hand over subclasses of str, list and dict."""
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return value


def _paths(files: Mapping[str, Any]) -> dict[str, Any]:
    def path(value: Any) -> Any:
        return ([Path(item) for item in value] or None) if isinstance(value, list) else Path(value)

    return {key: path(value) for key, value in files.items()}


def _write(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _captured(log: Path) -> Iterator[None]:
    """Standard output and error go to ``log``, those of C libraries too."""
    log.parent.mkdir(parents=True, exist_ok=True)
    streams, saved = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    with open(log, "w", encoding="utf-8", buffering=1) as file:
        for stream in streams:
            stream.flush()
        try:
            sys.stdout = sys.stderr = file
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
            yield
        finally:
            file.flush()
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
            sys.stdout, sys.stderr = streams
