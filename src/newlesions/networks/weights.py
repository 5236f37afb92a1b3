"""Weights on disk: safetensors, which hold numbers and text and cannot run anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.images.files import write_atomically

_KEY = "newlesions"
_SHOWN = 3


def save(path: Path, module: nn.Module, metadata: Mapping[str, str] | None = None) -> None:
    """Write the module's parameters and buffers, and ``metadata``.

    Equal weights and metadata give equal bytes: the metadata is one entry of sorted JSON, since the library writes
    several in a random order.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    packed = {_KEY: json.dumps(dict(metadata or {}), sort_keys=True, ensure_ascii=False)}
    write_atomically(path, lambda temporary: save_file(tensors, str(temporary), packed))


def load(path: Path, module: nn.Module) -> dict[str, str]:
    """Fill ``module`` with the weights of ``path`` and return the metadata.

    Raises
    ------
    ConfigError
        When the file is no safetensors file, or its names and shapes are not just those of ``module``.
    """
    weights = _weights(path)
    wrong = _differences(weights, module.state_dict())
    if wrong:
        raise ConfigError(f"{path}: found weights of another network ({wrong}); expected those of the recipe's")
    module.load_state_dict(weights)
    return read_metadata(path)


def read_metadata(path: Path) -> dict[str, str]:
    """What was stored beside the weights."""
    try:
        with safe_open(str(path), framework="pt") as held:
            packed = (held.metadata() or {}).get(_KEY, "{}")
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    metadata: dict[str, str] = json.loads(packed)
    return metadata


def transfer(source: nn.Module, target: nn.Module, part: str | None = None) -> list[str]:
    """Start ``target`` with the weights of ``source`` that have the same name and shape.

    Parameters
    ----------
    part
        Only names of this module, as ``encoder``; null: all.

    Returns
    -------
    list of str
        The names that were taken over, sorted.

    Raises
    ------
    ConfigError
        When there is none, or when weights of ``part`` would keep their random values.
    """
    given, wanted = source.state_dict(), target.state_dict()
    names = [name for name in wanted if part is None or name == part or name.startswith(f"{part}.")]
    same = sorted(name for name in names if name in given and given[name].shape == wanted[name].shape)
    where = f"part {part}" if part else "the network"
    if not same or (part and len(same) < len(names)):
        found = f"{len(same)} of {len(names)} weights of {where} in the network to start from"
        raise ConfigError(f"start: found {found}, by name and shape; expected {'all' if part else 'some'}")
    target.load_state_dict({**wanted, **{name: given[name] for name in same}})
    return same


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    return weights


def _unreadable(path: Path, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())
    return ConfigError(f"{path}: found no readable safetensors file ({reason}); expected the weights of a network")


def _differences(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """In a few words; empty when there are none."""
    parts = []
    for word, names in (("lacking", expected.keys() - found.keys()), ("unknown", found.keys() - expected.keys())):
        if names:
            shown = ", ".join(sorted(names)[:_SHOWN])
            parts.append(f"{word}: {shown}" + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""))
    for name in sorted(found.keys() & expected.keys()):
        if found[name].shape != expected[name].shape:
            parts.append(f"{name} is {tuple(found[name].shape)}, not {tuple(expected[name].shape)}")
            break
    return "; ".join(parts)
