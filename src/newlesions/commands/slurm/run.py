"""What `newlesions run` and `newlesions train` do on a cluster before, during and after Snakemake."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.cohort.results import work_folder
from newlesions.commands.slurm import jobs, site
from newlesions.errors import ConfigError
from newlesions.images.files import write_text

_MARK = ".slurm"  # in the work folder, while jobs may be in the queue


def is_slurm(profile: Path) -> bool:
    """Whether the profile submits to SLURM."""
    return settings.read_yaml(profile / "config.yaml").get("executor") == "slurm"


def settled(profile: Path, given: str | None, out: Path, folder: Path) -> Path:
    """The profile to run with: ``profile`` itself, or on a cluster one made in ``folder`` with the site's file in it.

    Parameters
    ----------
    given
        The argument ``--site``.
    out
        The results folder, which the jobs' names tell.

    Raises
    ------
    ConfigError
        If the site's file is absent or wrong, or is given for a profile that submits nothing.
    """
    if not is_slurm(profile):
        if given:
            raise ConfigError(f"--site: found it with the profile {profile.name}; expected one that submits to SLURM")
        return profile
    told = _site(profile, given)
    write_text(folder / site.SITE, site.profile_text({"partitions": told["partitions"]}))
    content = settings.read_yaml(profile / "config.yaml")
    write_text(folder / "config.yaml", site.profile_text(site.profile_at(content, told, jobs.prefix_of(out))))
    return folder


def may_have_left_jobs(out: Path) -> bool:
    """Whether the last run on a cluster was killed before it could end its jobs; SLURM is not asked."""
    return (work_folder(out) / _MARK).is_file()


@contextmanager
def queue(profile: Path, given: str | None, out: Path) -> Iterator[None]:
    """Around a run: before it no job of an earlier one is left in the queue, nor one of its own after it was stopped.

    A run on this machine looks too where an earlier one was on a cluster.

    Raises
    ------
    ConfigError
        If SLURM does not answer, or if jobs are left that cannot be ended.
    """
    mark = work_folder(out) / _MARK
    on_cluster = is_slurm(profile)
    prefix = jobs.prefix_of(out)
    if not on_cluster and mark.is_file() and not shutil.which("squeue"):
        print("an earlier run was on a SLURM cluster, which this machine cannot ask for jobs that it left", flush=True)
    elif on_cluster or mark.is_file():
        _clear_left_behind(prefix, _site(profile, given)["left_behind"] if on_cluster else "cancel")
        mark.unlink(missing_ok=True)
    if not on_cluster:
        yield
        return
    write_text(mark, f"{prefix}\n")
    try:
        yield
    finally:
        _clear_own(prefix, mark)


def _clear_left_behind(prefix: str, how: str) -> None:
    if found := jobs.jobs_of(prefix):
        doing = "cancelling them" if how == "cancel" else "waiting for those that run"
        print(f"an earlier run left {jobs.describe(found)} in SLURM's queue; {doing}", flush=True)
    jobs.clear(prefix, how)


def _clear_own(prefix: str, mark: Path) -> None:
    """Cancel what Snakemake had no time to cancel. What the run has done stands, whether SLURM answers or not."""
    try:
        jobs.clear(prefix)
    except ConfigError as error:
        print(f"newlesions: {error}; the next run looks again", file=sys.stderr)
        return
    mark.unlink(missing_ok=True)


def _site(profile: Path, given: str | None) -> dict[str, Any]:
    return site.read_site(site.find_site(profile, given), house.root() / "profiles" / "slurm" / site.SITE)
