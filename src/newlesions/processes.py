"""Processes that end together, a lock that ends with them, and how many cores they have."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
from pathlib import Path
from time import monotonic, sleep

from newlesions.errors import ConfigError

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that ends (Linux; elsewhere nothing).

    A run that is killed then leaves no step behind that would write beside the steps of the next run.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def cores_of(asked: str | None = None) -> int:
    """How many cores ``--cores`` says: a number, or ``all`` that this process may use, as where nothing is said."""
    if asked is not None and asked != "all":
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hold_lock(path: Path, patience: float = 5.0) -> int:
    """Hold ``path`` against other runs until this process, and those that inherit the descriptor, have ended.

    The lock goes with its holders, so that a killed run leaves none behind.

    Parameters
    ----------
    path
        The lock's file; made if absent.
    patience
        Seconds to wait for the processes of a run that was just killed.

    Returns
    -------
    int
        The descriptor to pass on.

    Raises
    ------
    ConfigError
        If another run holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    deadline = monotonic() + patience
    while not _try_lock(descriptor):
        if monotonic() > deadline:
            os.close(descriptor)
            raise ConfigError(f"{path}: found another run at work on this results folder; expected to be the only one")
        sleep(0.1)
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether a run holds ``path``, the lock of `hold_lock`.

    Asked with a shared lock that is given back at once, for which the right to read suffices: nothing is written, and
    those who ask are not in one another's way. A run that begins at this moment waits, as for a run just killed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
