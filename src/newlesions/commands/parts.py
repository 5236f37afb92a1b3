"""A run in parts: a large cohort is planned and run in shards, one after the other, and then what is about all pairs.

What Snakemake needs to plan and to schedule grows with the jobs that it has in hand; shards bound its time and memory.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions import models
from newlesions.cohort.outcome import NOT_REACHED, why_failed
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import PREPARING_STEPS, change_file, work_folder
from newlesions.cohort.shards import COHORT
from newlesions.commands.plan import Part, plan_parts
from newlesions.commands.workflow import Ended, follow, snakemake_command
from newlesions.images.files import write_json


def parts_of(shards: Sequence[Sequence[Pair]]) -> list[Part]:
    """The parts of a run: everything at once, or one shard after the other and then what is about all pairs."""
    return [None] if len(shards) == 1 else [*range(1, len(shards) + 1), COHORT]


@dataclass(frozen=True)
class Run:
    """A run of the workflow: the arguments of the command, its profile and configuration, and the folder it works in.

    ``lock`` is the descriptor that holds ``out`` against other runs.
    """

    args: argparse.Namespace
    profile: Path
    config: dict[str, Any]
    out: Path
    lock: int

    def all_parts(self, shards: Sequence[Sequence[Pair]], model: str | None) -> list[Ended]:
        """Run every part; how each ended.

        Shards with nothing to do are left out, and the cohort's part where a shard has failed pairs, since some of what
        it needs is missing. A shard that did not come to its end, or could not begin, is the last.
        """
        waits = models.kind_of(model) in (models.NETWORKS, models.BOTH)
        failed: list[str] = []
        ends: list[Ended] = []
        for part in self._to_do(parts_of(shards)):
            if part == COHORT and any(end.code for end in ends):
                break
            if isinstance(part, int):
                print(f"shard {part} of {len(shards)}: {len(shards[part - 1])} pairs", flush=True)
            pairs = shards[part - 1] if isinstance(part, int) else shards[0]
            end = self._part(part, failed)
            if end.code > 0 and waits and part != COHORT and (left_out := _failed_before(self.out, pairs)):
                # A bucket of pairs waits for all of them. It goes on without those that failed on the way to it.
                print(f"going on without {', '.join(left_out)}", flush=True)
                failed += left_out
                end = self._part(part, failed)
            ends.append(end)
            if end.code < 0 or (end.code and not end.started):
                break
        return ends

    def _to_do(self, parts: Sequence[Part]) -> list[Part]:
        """The parts without the shards that have nothing to do."""
        if len(parts) == 1:
            return list(parts)
        plans = plan_parts(self.args, self.profile, self.config, self.out, parts[:-1])
        needed = [part for part, plan in zip(parts, plans, strict=False) if plan.jobs or plan.fault]
        jobs = sum(plan.jobs.total() for plan in plans)
        print(f"{len(needed)} of {len(plans)} shards have something to do: {jobs} jobs", flush=True)
        return [*needed, COHORT]

    def _part(self, part: Part, failed: Sequence[str]) -> Ended:
        """Run one part without the pairs that ``failed``."""
        which = (f"-{part}" if part else "") + ("-without" if failed and part != COHORT else "")
        config = work_folder(self.out) / f"config{which}.json"
        if which or part:
            write_json(config, self.config | {"part": part, "failed": list(failed)})
        words = snakemake_command(self.args, self.profile, config, self.out)
        return follow(words, self.out, work_folder(self.out) / "logs" / f"run{which}.log", self.lock)


def _failed_before(out: Path, pairs: Sequence[Pair]) -> list[str]:
    """The pairs that a step before the networks failed on, if others did not."""
    reasons = {pair.pair: why_failed(out, pair, PREPARING_STEPS, change_file(out, pair)) for pair in pairs}
    failed = [name for name, reason in reasons.items() if reason not in ("", NOT_REACHED)]
    return failed if len(failed) < len(pairs) else []
