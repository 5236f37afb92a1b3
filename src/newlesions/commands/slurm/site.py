"""The one file that tells of a cluster, and the profile of Snakemake that follows from it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from newlesions import settings
from newlesions.errors import ConfigError

SITE = "site.yaml"
"""Its name in a profile's folder."""

ENVIRONMENT = "NEWLESIONS_SITE"
"""The environment variable that names it."""

LOGS = Path("work") / "logs" / "slurm"
"""What SLURM itself says of each job, in the results folder; kept of the jobs that fail."""

_NO_LIMIT = 10**9
"""Minutes of a partition without a limit."""


def find_site(profile: Path, given: str | None) -> Path:
    """The site's file: the one given, that of the environment, or the one beside the profile.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    named = given or os.environ.get(ENVIRONMENT)
    path = Path(named).absolute() if named else profile / SITE
    if not path.is_file():
        whence = "--site" if given else ENVIRONMENT if named else f"profile {profile}"
        raise ConfigError(f"{whence}: found no file {path}; expected one like profiles/slurm/{SITE}")
    return path


def read_site(path: Path, shipped: Path) -> dict[str, Any]:
    """What the site's file says; what it leaves out is as in the ``shipped`` one, but partitions are its own.

    Raises
    ------
    ConfigError
        If it breaks its schema.
    """
    given = settings.read_yaml(path)
    site = settings.deep_merge(settings.read_yaml(shipped), given)
    site["partitions"] = given.get("partitions", site["partitions"])
    settings.check(site, "site", str(path))
    asks, gpus = site["gpu"]["ask"] != "none", [name for name, limits in site["partitions"].items() if has_gpu(limits)]
    if asks and not gpus:
        raise ConfigError(f"{path}: partitions: found none with max_gpu; expected one, or gpu.ask: none")
    return site


def has_gpu(limits: Mapping[str, Any]) -> bool:
    """Whether a partition with these limits takes jobs for GPUs."""
    return bool(limits.get("max_gpu"))


def profile_at(profile: Mapping[str, Any], site: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The ``profile`` with what the ``site`` says in it, and with jobs whose names begin with ``prefix``."""
    made = {
        **profile,
        "jobs": site["jobs"],
        "slurm-status-command": site["status"],
        "slurm-partition-config": SITE,
        "slurm-jobname-prefix": prefix,
        "slurm-logdir": str(LOGS),
        "set-resources": [word for entry in profile.get("set-resources", []) for word in _at_site(entry, site)],
    }
    if site["account"]:
        made["default-resources"] = [*profile.get("default-resources", []), f"slurm_account={site['account']!r}"]
    if site["qos"]:
        made["slurm-qos"] = site["qos"]
    if site["modules"]:
        made["precommand"] = _load(site["modules"])
    return made


def profile_text(made: Mapping[str, Any]) -> str:
    """The profile as YAML."""
    return yaml.safe_dump(dict(made), sort_keys=False, width=1000)


def _at_site(entry: str, site: Mapping[str, Any]) -> list[str]:
    """A rule's resources as the site has them."""
    rule, _, minutes = entry.partition(":runtime=")
    return [f"{rule}:runtime={min(int(minutes), _longest(site))}"] if minutes else _at_gpu(entry, site["gpu"])


def _longest(site: Mapping[str, Any]) -> int:
    """The minutes that a job of networks may take: of the longest partition for GPUs, where it asks for one."""
    asks = site["gpu"]["ask"] != "none"
    taken = [limits for limits in site["partitions"].values() if has_gpu(limits) or not asks]
    return max(int(limits.get("max_runtime", _NO_LIMIT)) for limits in taken)


def _at_gpu(entry: str, gpu: Mapping[str, Any]) -> list[str]:
    """A rule's ``RULE:gpu=N`` in the site's way to ask for GPUs. The rule's own `gpu` never stands beside `gres`."""
    rule, _, count = entry.partition(":gpu=")
    model = gpu["model"]
    if not count:
        return [entry]
    if gpu["ask"] == "none":
        return [f"{rule}:gpu=0"]
    if gpu["ask"] == "gres":
        return [f"{rule}:gpu=0", f"{rule}:gres='gpu:{f'{model}:' if model else ''}{count}'"]
    return [entry, *([f"{rule}:gpu_model={model!r}"] if model else [])]


def _load(modules: list[str]) -> str:
    """A job's shell is a plain one, which has no `module` until it is told.

    Raises
    ------
    ConfigError
        If this machine has no environment modules: a job inherits its environment.
    """
    home = os.environ.get("MODULESHOME")
    if not home:
        raise ConfigError("modules: found no MODULESHOME in the environment; expected a machine that has `module`")
    return f". {shlex.quote(home)}/init/sh && module load {' '.join(map(shlex.quote, modules))}"
