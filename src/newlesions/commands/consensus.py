"""``newlesions consensus``: the results of several systems fused, and whether that beats the best of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from newlesions.cli import DONE
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.commands.entries import listed
from newlesions.consensus.evidence import Evidence, verdict
from newlesions.consensus.fuse import fuse, fuse_classes
from newlesions.consensus.held_out import read_held_out
from newlesions.consensus.leave_out import QUICK, leave_one_subject_out
from newlesions.consensus.results import Maps, System, check_results, known_pairs, read_changes, read_maps, read_systems
from newlesions.consensus.weights import learn_weights, moments
from newlesions.consensus.write import write_evidence, write_pair, write_record
from newlesions.errors import ConfigError
from newlesions.images.io import read_volume
from newlesions.processes import cores_of


def command(args: argparse.Namespace) -> int:
    """Check all results, weigh the ways against one another where there are references, and write the fused masks."""
    if args.benchmark is not None:
        return _of_benchmark(args)
    if args.recipes:
        raise ConfigError(f"--recipes: found {args.recipes[0]} beside --results; expected it with --benchmark alone")
    if args.pairs is None:
        raise ConfigError("--pairs: found none; expected the table of the pairs that --results has")
    systems, out = read_systems(args.results), Path(args.out)
    if any(out.resolve() == system.folder.resolve() for system in systems):
        raise ConfigError(f"--out: found {out}, one of the results folders; expected another folder")
    pairs = read_pairs(args.pairs)
    check_results(systems, pairs)
    evidence = _evidence(systems, pairs, args.how, cores_of(args.cores))
    weights = _weights(systems, pairs) if args.how == "weights" else None
    write_pairs(out / "pairs.tsv", pairs)
    for pair in pairs:
        grid = read_volume(systems[0].change(pair)).grid
        new = fuse(read_maps(systems, pair), args.how, weights)
        change, word = fuse_classes(new, read_changes(systems, pair), args.how, weights)
        counts = write_pair(out, pair, systems[0], grid, new, change, word)
        print(f"{pair.pair}: {counts['new_count']} new lesions, {counts['new_volume_mm3']} mm3")
    write_record(out, systems, args.how, weights, evidence)
    if evidence is None:
        print("no references of two subjects: nothing tells whether the consensus is better than its systems")
        return DONE
    _tell(out, evidence, args.how)
    return DONE


def _of_benchmark(args: argparse.Namespace) -> int:
    """Whether the recipes of a benchmark are better together, by their maps of pairs that they have not seen."""
    if args.pairs is not None:
        raise ConfigError(f"--pairs: found {args.pairs} beside --benchmark; expected none, a benchmark has its own")
    systems, pairs = read_held_out(Path(args.benchmark), listed(args.recipes))
    evidence = leave_one_subject_out(
        [system.name for system in systems],
        known_pairs(systems, pairs),
        scored={system.name: system.scores for system in systems},
        measures=QUICK,
        cores=cores_of(args.cores),
    )
    out = Path(args.out)
    weights = _weights(systems, pairs) if args.how == "weights" else None
    write_record(out, systems, args.how, weights, evidence)
    _tell(out, evidence, args.how)
    return DONE


def _tell(out: Path, evidence: Evidence, how: str) -> None:
    write_evidence(out, evidence, how)
    print(f"consensus ({how}): {verdict(evidence, how)}")
    print(f"table   {out / 'consensus.tsv'}")


def _evidence(systems: Sequence[System], pairs: Sequence[Pair], how: str, cores: int) -> Evidence | None:
    """None where fewer than two subjects have a reference; weights need them."""
    known = known_pairs(systems, pairs)
    subjects = len({one.subject for one in known})
    if subjects >= 2:
        return leave_one_subject_out([system.name for system in systems], known, cores=cores)
    if how == "weights":
        raise ConfigError(f"--how weights: found references of {subjects} subjects; expected at least 2 to learn from")
    return None


def _weights(systems: Sequence[Maps], pairs: Sequence[Pair]) -> list[float]:
    """Of all pairs with a reference: those that the written masks are fused with."""
    seen = []
    for one in known_pairs(systems, pairs):
        maps, reference = one.read()
        seen.append(moments(maps, reference.labels))
    return [float(weight) for weight in learn_weights(seen)]
