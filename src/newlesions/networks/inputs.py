"""The inputs of a stage: images, masks, maps and the outputs of other stages, and sums of them.

In a recipe an input is an expression such as ``followup``, ``followup - baseline`` or
``lesions(followup) - lesions(baseline)``: names, numbers, ``+ - * /`` and parentheses. ``<stage>(<visit>)`` is what a
stage of one visit says of that visit, ``<stage>`` what a stage of the pair says, ``<stage>(moved)`` the baseline as a
stage that registers moves it onto the follow-up. ``positive(...)`` of an expression is 0 where that is negative.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.networks.case import Image
from newlesions.networks.prepare import Prepared

IMAGES = ("baseline", "followup", "brain", "candidates")
"""What every pair has: its prepared images, the brain and the subtraction's candidates (0, 1)."""

EDGES = ("edge_x", "edge_y", "edge_z")
"""The edges of the stage's voxels in mm, left-right, posterior-anterior and inferior-superior, at every voxel."""

FLAIR = "flair"
"""The image of the one visit that a stage of single visits sees."""

VISITS = ("baseline", "followup")

MOVED = "moved"
"""What else a stage that registers gives: the baseline on the follow-up, with the intensities that the stage sees."""

POSITIVE = "positive"
"""The function that expressions can have."""

_LONGEST = 200
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def evaluate(expression: str, images: Mapping[str, NDArray[Any]]) -> Image:
    """The image that ``expression`` stands for, float32, (I, J, K).

    Parameters
    ----------
    images
        By name, a stage's output of one visit as ``lesions(baseline)``; all of one shape.

    Raises
    ------
    ConfigError
        On anything but arithmetic, on a name that ``images`` lacks and on an expression without a name. Where a
        divisor is 0, the quotient is 0.
    """
    value = _value(_parsed(expression), expression, images)
    if np.ndim(value) == 0:
        raise ConfigError(f"input '{expression}': found only numbers; expected at least one image")
    return np.asarray(value, dtype=np.float32)


def channels(
    expressions: Sequence[str],
    prepared: Prepared,
    outputs: Mapping[str, NDArray[Any]] | None = None,
    visit: str | None = None,
) -> Image:
    """A stage's inputs on its grid, float32, (C, I, J, K).

    Parameters
    ----------
    expressions
        The stage's inputs.
    prepared
        The case as the stage sees it.
    outputs
        Of other stages, on the case's grid, by ``stage`` or ``stage(visit)``.
    visit
        For a stage of single visits: ``baseline`` or ``followup``, which ``flair`` and ``stage(flair)`` then mean.
    """
    images = _Images(prepared, outputs or {}, visit)
    return np.stack([evaluate(expression, images) for expression in expressions])


def names(expression: str) -> set[str]:
    """The stages whose outputs ``expression`` needs."""
    return {name for name, _ in _references(expression)} - {*IMAGES, *EDGES, FLAIR, *_derived()}


def references(expression: str) -> set[str]:
    """The outputs that ``expression`` needs, as keys: ``new``, ``lesions(baseline)``."""
    known = {*IMAGES, *EDGES, FLAIR, *_derived()}
    return {f"{name}({visit})" if visit else name for name, visit in _references(expression) if name not in known}


def moved(stage: str) -> str:
    """The name of the baseline that ``stage`` has moved."""
    return f"{stage}({MOVED})"


def check(
    expression: str,
    stages: Iterable[str] = (),
    *,
    visits: Collection[str] = (),
    moves: Collection[str] = (),
    one_visit: bool = False,
) -> None:
    """Raise `ConfigError` when ``expression`` is not one that a stage can have.

    Parameters
    ----------
    stages
        Names that come before this stage and give one image of a pair.
    visits
        Names of the stages that give an image of each visit.
    moves
        Names of the stages that also give the moved baseline.
    one_visit
        Whether the stage itself sees single visits, so that there is a ``flair``.
    """
    plain = {*IMAGES, *EDGES, *_derived(), *stages, *([FLAIR] if one_visit else [])}
    of_visit = [*VISITS, *([FLAIR] if one_visit else [])]
    for name, visit in _references(expression):
        if (name in visits and visit in of_visit) or (name in moves and visit == MOVED):
            continue
        if name in plain and visit is None:
            continue
        shown = name if visit is None else f"{name}({visit})"
        known = sorted(plain) + [f"{stage}({one})" for stage in sorted(visits) for one in of_visit]
        known += [moved(stage) for stage in sorted(moves)]
        raise ConfigError(f"input '{expression}': found {shown}; known: {', '.join(known)}")


class _Images(Mapping[str, NDArray[Any]]):
    """All that inputs can name, made when asked for."""

    def __init__(self, prepared: Prepared, outputs: Mapping[str, NDArray[Any]], visit: str | None) -> None:
        self._prepared, self._visit = prepared, visit
        self._make: dict[str, Callable[[], NDArray[Any]]] = {
            "baseline": lambda: prepared.images["baseline"],
            "followup": lambda: prepared.images["followup"],
            "brain": lambda: prepared.brain,
            "candidates": lambda: prepared.candidates,
        }
        for axis, name in enumerate(EDGES):
            self._make[name] = lambda axis=axis: _constant(prepared, axis)  # type: ignore[misc]
        for name, function in _derived().items():
            self._make[name] = lambda function=function: prepared.onto(function(prepared.case))  # type: ignore[misc]
        for name, output in outputs.items():
            self._make[name] = lambda output=output: prepared.onto(output)  # type: ignore[misc]
            if visit is not None and name.endswith(f"({visit})"):
                self._make[name.replace(f"({visit})", f"({FLAIR})")] = self._make[name]
        if visit is not None:
            self._make[FLAIR] = self._make[visit]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._make[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._make  # and nothing is made, as the inherited way would

    def __iter__(self) -> Iterator[str]:
        return iter(self._make)

    def __len__(self) -> int:
        return len(self._make)


def _constant(prepared: Prepared, axis: int) -> NDArray[np.float32]:
    return np.broadcast_to(np.float32(prepared.spacing[axis]), prepared.brain.shape)


def _derived() -> Mapping[str, Callable[..., Image]]:
    from newlesions.networks.derived import DERIVED  # it needs more of the package than inputs without maps do

    return DERIVED


def _parsed(expression: str) -> ast.expr:
    if len(expression) > _LONGEST:
        found = f"found {len(expression)} characters; expected at most {_LONGEST}"
        raise ConfigError(f"input '{expression[:20]}...': {found}")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(expression, "what is not an expression") from error


def _references(expression: str) -> Iterator[tuple[str, str | None]]:
    """The names of ``expression`` with what stands in parentheses behind them: a visit, or `MOVED`; else None."""
    yield from _walk(_parsed(expression), expression)


def _walk(node: ast.expr, expression: str) -> Iterator[tuple[str, str | None]]:
    match node:
        case ast.Name(id=name):
            yield name, None
        case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name == POSITIVE:
            yield from _walk(operand, expression)
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=visit)], keywords=[]) if visit in (
            *VISITS,
            FLAIR,
            MOVED,
        ):
            yield name, visit
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from _walk(operand, expression)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            yield from _walk(left, expression)
            yield from _walk(right, expression)
        case _:
            raise _refused(expression, ast.unparse(node))


def _value(node: ast.expr, expression: str, images: Mapping[str, NDArray[Any]]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return np.float32(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, expression, images)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in (*_OPERATORS, ast.Div):
            first, second = _value(left, expression, images), _value(right, expression, images)
            if isinstance(operation, ast.Div):
                return _quotient(first, second)
            return _OPERATORS[type(operation)](first, second)
        case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name == POSITIVE:
            return np.maximum(_value(operand, expression, images), np.float32(0))
    for name, visit in _walk(node, expression):
        key = name if visit is None else f"{name}({visit})"
        if key not in images:
            raise ConfigError(f"input '{expression}': found {key}; known: {', '.join(sorted(images))}")
        return np.asarray(images[key], dtype=np.float32)
    raise _refused(expression, ast.unparse(node))


def _quotient(first: Any, second: Any) -> Any:
    first, second = np.broadcast_arrays(first, second)
    return np.divide(first, second, out=np.zeros(first.shape, dtype=np.float32), where=second != 0)


def _refused(expression: str, found: str) -> ConfigError:
    shape = (
        "names, <stage>(baseline), <stage>(followup), <stage>(moved), positive(...), numbers, + - * / and parentheses"
    )
    return ConfigError(f"input '{expression}': found {' '.join(found.split())}; expected {shape}")
