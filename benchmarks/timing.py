"""Timing a call, for the benchmarks beside it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def timed(call: Callable[[], T], rounds: int = 3) -> tuple[float, T]:
    """The shortest of some calls in seconds, and the result."""
    best = np.inf
    for _ in range(rounds):
        start = perf_counter()
        result = call()
        best = min(best, perf_counter() - start)
    return float(best), result
