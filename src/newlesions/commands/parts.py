"""A run in parts: a large cohort is planned and run in shards, one after the other, and then what is about all pairs.

What Snakemake needs to plan and to schedule grows with the jobs that it has in hand; shards bound its time and memory.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions import models
from newlesions.cohort.outcome import NOT_REACHED, why_failed
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import PREPARING_STEPS, change_file, config_file, flow_of, run_log
from newlesions.cohort.shards import COHORT
from newlesions.cohort.unchanged import Unchanged
from newlesions.commands.estimate import Limits, Teller
from newlesions.commands.plan import NOTHING, Part, jobs_of_cohort, plan_parts
from newlesions.commands.run_log import Announced
from newlesions.commands.workflow import Ended, follow, limits_of, snakemake_command
from newlesions.images.files import write_json


def parts_of(shards: Sequence[Sequence[Pair]], aside: Collection[str] = ()) -> list[Part]:
    """The parts of a run: everything at once, or one shard after the other and then what is about all pairs.

    Where some pairs are left ``aside``, the shards that have others, and no more: the rules about all pairs see only
    those that are planned.
    """
    if aside:
        return [number for number, shard in enumerate(shards, start=1) if _planned(shard, aside)]
    return [None] if len(shards) == 1 else [*range(1, len(shards) + 1), COHORT]


def pairs_of(part: Part, shards: Sequence[Sequence[Pair]]) -> list[Pair]:
    """The pairs of a part: of its shard, or all."""
    return list(shards[part - 1]) if isinstance(part, int) else [pair for shard in shards for pair in shard]


def buckets_with(settled: Mapping[str, Any], pairs: Sequence[Pair]) -> dict[str, str]:
    """The bucket of each pair in a run with networks; none in other runs."""
    if models.kind_of(settled["refine"]["model"]) not in (models.NETWORKS, models.BOTH):
        return {}
    return flow_of(settled, pairs)[1]


@dataclass(frozen=True)
class Run:
    """A run of the workflow: the arguments of the command, its profile and configuration, and the folder it works in.

    ``settled`` are the settings that follow from the configuration, ``lock`` is the descriptor that holds ``out``
    against other runs, ``told`` tells the estimate, and ``aside`` are the pairs that the run does not plan.
    """

    args: argparse.Namespace
    profile: Path
    config: dict[str, Any]
    settled: dict[str, Any]
    out: Path
    lock: int
    told: Teller
    aside: Collection[str] = ()

    def all_parts(self, shards: Sequence[Sequence[Pair]]) -> list[Ended]:
        """Run every part; how each ended.

        Parts with nothing to do are left out, and the cohort's part where a shard has failed pairs, since some of what
        it needs is missing. A shard that did not come to its end, or could not begin, is the last.
        """
        buckets = buckets_with(self.settled, pairs_of(COHORT, shards))
        unchanged = Unchanged(self.out, self.settled, buckets, self.aside)
        failed = sorted(self.aside)
        ends: list[Ended] = []
        parts = parts_of(shards, self.aside)
        planned = self._tell if len(parts) == 1 else None
        for part in self._to_do(parts, shards, unchanged, buckets):
            if part == COHORT and any(end.code for end in ends):
                break
            if part == COHORT and self._is_done(part, shards, unchanged):
                continue
            pairs = _planned(pairs_of(part, shards), self.aside)
            if isinstance(part, int) and len(shards) > 1:
                print(f"shard {part} of {len(shards)}: {len(pairs)} pairs", flush=True)
            end = self._part(part, failed, planned=planned)
            if not end.code and not self.args.snakemake:
                unchanged.note(part, pairs_of(part, shards))
            if end.code > 0 and buckets and part != COHORT and (left_out := _failed_before(self.out, pairs)):
                # A bucket of pairs waits for all of them. It goes on without those that failed on the way to it.
                print(f"going on without {', '.join(left_out)}", flush=True)
                failed += left_out
                end = self._part(part, failed, again=True)
            ends.append(end)
            if end.code < 0 or (end.code and not end.started):
                break
        return ends

    def _is_done(self, part: Part, shards: Sequence[Sequence[Pair]], unchanged: Unchanged) -> bool:
        """Whether the part need not even be planned. Flags for Snakemake may ask for more than its results."""
        return not self.args.snakemake and unchanged.holds(part, pairs_of(part, shards))

    def _to_do(
        self,
        parts: Sequence[Part],
        shards: Sequence[Sequence[Pair]],
        unchanged: Unchanged,
        buckets: Mapping[str, str],
    ) -> list[Part]:
        """The parts without the shards that have nothing to do. Where there are several, the estimate is of all."""
        if len(parts) == 1:
            if self._is_done(parts[0], shards, unchanged):
                print(NOTHING, flush=True)
                return []
            return list(parts)
        of_shards = [part for part in parts if part != COHORT]
        changed = {part: pairs_of(part, shards) for part in of_shards if not self._is_done(part, shards, unchanged)}
        config = self.config | {"failed": sorted(self.aside)}
        plans = plan_parts(self.args, self.profile, config, self.out, changed, buckets)
        needed = [part for part, plan in plans.items() if plan.jobs or plan.fault]
        for part, plan in plans.items():
            if plan.is_empty and not self.args.snakemake:
                unchanged.note(part, pairs_of(part, shards))
        jobs = sum((plan.jobs for plan in plans.values()), Counter[str]())
        print(f"{len(needed)} of {len(of_shards)} shards have something to do: {jobs.total()} jobs", flush=True)
        if jobs and COHORT in parts:
            jobs += jobs_of_cohort(pairs_of(COHORT, shards))
        if jobs:
            self.told.tell(jobs, limits_of(self.args, self.profile))
        return [*needed, *parts[len(of_shards) :]]

    def _tell(self, announced: Announced) -> None:
        """Tell the estimate of what Snakemake announces: it knows best how many jobs it runs at once."""
        limits = limits_of(self.args, self.profile)
        self.told.tell(
            announced.jobs,
            Limits(announced.at_once or limits.at_once, announced.memory_mb or limits.memory_mb),
        )

    def _part(
        self,
        part: Part,
        failed: Sequence[str],
        *,
        again: bool = False,
        planned: Callable[[Announced], None] | None = None,
    ) -> Ended:
        """Run one part without the pairs that ``failed``; ``again`` after a first go."""
        which = "-".join([*([str(part)] if part else []), *(["without"] if again else [])])
        config = config_file(self.out)
        if which:
            config = config.with_stem(f"{config.stem}-{which}")
            write_json(config, self.config | {"part": part, "failed": list(failed)})
        words = snakemake_command(self.args, self.profile, config, self.out)
        return follow(words, self.out, run_log(self.out, which), self.lock, planned)


def _planned(pairs: Sequence[Pair], aside: Collection[str]) -> list[Pair]:
    return [pair for pair in pairs if pair.pair not in aside]


def _failed_before(out: Path, pairs: Sequence[Pair]) -> list[str]:
    """The pairs that a step before the networks failed on, if others did not."""
    reasons = {pair.pair: why_failed(out, pair, PREPARING_STEPS, change_file(out, pair)) for pair in pairs}
    failed = [name for name, reason in reasons.items() if reason not in ("", NOT_REACHED)]
    return failed if len(failed) < len(pairs) else []
