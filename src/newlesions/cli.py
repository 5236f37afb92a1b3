"""The command line. Only the standard library is imported here, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from newlesions import __version__
from newlesions.errors import ConfigError, InputError

DONE, SOME_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all pairs done; some failed and the table names them; nothing was started; stopped by the user."""

_COMMANDS = (
    "run", "status", "index", "demo", "table", "report", "review", "recipes", "doctor", "evaluate", "compare", "train",
    "benchmark", "consensus", "verify", "diff", "dicom", "dicom-seg",
)  # fmt: skip
_LEVELS = ("participant", "group")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Errors are one line on standard error."""
    arguments, passed_on = _split(list(sys.argv[1:] if argv is None else argv))
    args = parser().parse_args(_bids_app(arguments))
    if passed_on and args.command not in ("run", "benchmark"):
        parser().error(f"arguments after -- are for `run` and `benchmark`, not for `{args.command}`")
    args.snakemake = passed_on
    try:
        return _module(args.command).command(args)
    except (ConfigError, InputError) as error:
        print(f"newlesions: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("newlesions: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        return DONE


def _module(command: str) -> Any:
    return importlib.import_module(f"newlesions.commands.{command.replace('-', '_')}")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="newlesions",
        description="New multiple-sclerosis lesions between two FLAIR scans, for whole cohorts, reproducibly.",
        epilog="`newlesions BIDS_DIR OUT_DIR participant ...` is the same as `newlesions run BIDS_DIR OUT_DIR ...`.",
    )
    top.add_argument("--version", action="version", version=f"newlesions {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_status(commands)
    _add_index(commands)
    _add_demo(commands)
    _add_table(commands)
    _add_report(commands)
    _add_review(commands)
    _add_evaluate(commands)
    _add_recipes(commands)
    _add_compare(commands)
    _add_consensus(commands)
    _add_train(commands)
    _add_benchmark(commands)
    _add_verify(commands)
    _add_diff(commands)
    _add_dicom(commands)
    commands.add_parser("doctor", help="show versions, optional tools that are found or missing, and resources")
    return top


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="find the new lesions of a cohort",
        description="Index BIDS_DIR, then run the workflow on every pair of sessions. Interrupted or killed, the same "
        "command goes on where it stopped. Exit codes: 0 all pairs done, 1 some failed (the table says why), 2 the "
        "input or the configuration is wrong.",
        epilog="Arguments after -- go to Snakemake.",
    )
    run.add_argument(
        "bids_dir", metavar="BIDS_DIR", help="a BIDS folder, a folder of MSSEG-2 subjects, or a table of pairs"
    )
    run.add_argument("out_dir", metavar="OUT_DIR", help="the results folder, a BIDS derivative")
    _add_selection(run)
    run.add_argument("--recipe", metavar="NAME", help="a shipped recipe (`newlesions recipes`), or a YAML file")
    run.add_argument(
        "--model",
        metavar="MODEL",
        help="a trained model's folder, or the name of a shipped one; its recipe is taken unless --recipe names one",
    )
    run.add_argument("--configfile", metavar="FILE", help="a YAML file of settings, over the shipped config.yaml")
    run.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, as candidates.k=3")
    run.add_argument("--keep-work", action=argparse.BooleanOptionalAction, help="keep the images between steps")
    _add_execution(run)
    _add_profile(run)
    run.add_argument(
        "--only-failed",
        action="store_true",
        help="run only the pairs that failed before, or could not be scored; settings must be those of then",
    )
    run.add_argument("--dry-run", "-n", action="store_true", help="show what would be done; write nothing")


def _add_status(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    status = commands.add_parser(
        "status",
        help="show how far a run has come, from another terminal",
        description="Pairs done, running, failed (with reasons) and waiting, and the time left, from the files of "
        "OUT_DIR alone, while a run is at work there or after. Writes nothing. Exit codes: 0 all pairs done or the run "
        "going well, 1 some pairs failed or the run was stopped, 2 there is no such results folder.",
    )
    status.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a run")
    status.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=10.0,
        metavar="SECONDS",
        help="show it again every so many seconds (10), until the run has ended",
    )
    status.add_argument("--json", action="store_true", help="as JSON, for scripts; each pair by itself")


def _add_index(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    index = commands.add_parser("index", help="find and freeze the pairs of a cohort, without running anything")
    index.add_argument(
        "bids_dir", metavar="BIDS_DIR", help="a BIDS folder, a folder of MSSEG-2 subjects, or a table of pairs"
    )
    index.add_argument("-o", "--output", default="pairs.tsv", metavar="FILE", help="the table to write (pairs.tsv)")
    _add_selection(index)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="simulate a small cohort with known new lesions and run the workflow on it")
    demo.add_argument("folder", nargs="?", default="demo", metavar="FOLDER", help="where to (demo)")
    _add_execution(demo)


def _add_table(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    table = commands.add_parser("table", help="write the cohort's table and page again, and print the table")
    table.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a run")


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = commands.add_parser("report", help="write the page of a pair again, from what the run kept")
    report.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a run")
    report.add_argument("pairs", nargs="*", metavar="PAIR", help="as sub-01_ses-M12; all pairs when absent")
    _add_participants(report)
    report.add_argument(
        "--pdf", action="store_true", help="print the pages that are there as PDF, through the installed Chromium"
    )


def _add_review(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    review = commands.add_parser(
        "review",
        help="make corrected masks and tables from what people marked on the pages of pairs",
        description="`apply OUT_DIR REVIEW.tsv...`: take out the lesions that were rejected on the pages of pairs, and "
        "write what is left beside the original results, which stay as they are.",
    )
    apply = review.add_subparsers(dest="action", metavar="ACTION", required=True).add_parser(
        "apply", help="write corrected masks and tables beside the original ones"
    )
    apply.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a run")
    apply.add_argument("reviews", nargs="+", metavar="REVIEW.tsv", help="tables that pages exported")


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="score masks against references, with the measures of the MSSEG-2 challenge",
        description="Score one prediction against its reference, or a table of pairs: the fifteen measures of "
        "animaSegPerfAnalyzer to its last digit, and further ones under other names. Exit codes: 0 all scored, 1 some "
        "pairs could not be scored (each is named), 2 the input is wrong.",
    )
    one = evaluate.add_argument_group("one pair")
    one.add_argument("--reference", metavar="FILE", help="the mask that is right")
    one.add_argument("--prediction", metavar="FILE", help="the mask to score, on the reference's grid")
    one.add_argument("--probability", metavar="FILE", help="the map behind the prediction, for curves")
    one.add_argument("--rater", action="append", default=[], metavar="NAME=FILE", help="one rater's mask; repeatable")
    one.add_argument("--regions", metavar="FILE", help="a label image of regions on the same grid")
    one.add_argument("--text", metavar="FILE", help="write the tool's text line")
    one.add_argument("--xml", metavar="FILE", help="write the tool's XML")
    many = evaluate.add_argument_group("many pairs")
    many.add_argument(
        "--pairs",
        metavar="TSV",
        help="a table with the columns pair, reference, prediction; optional: probability, gone_reference, "
        "gone_prediction, regions, rater_<name>. With a pairs table of `index`, give --prediction with its columns in "
        "braces: 'mine/{subject}/mask.nii.gz' (--reference and --probability likewise)",
    )
    many.add_argument("--out", metavar="TSV", help="the table to write: pair and the fifteen measures")
    many.add_argument("--details", action="store_true", help="also write the folder of --out's name with all the rest")
    _add_execution(many)
    both = evaluate.add_argument_group("both")
    both.add_argument("--json", metavar="FILE", help="write everything that is scored as JSON")
    both.add_argument("--threshold", type=float, metavar="P", help="voxels of a map of at least P are lesion")
    both.add_argument("--region-names", metavar="TSV", help="a label table (index, name) for the regions")
    for option, group in (("-s", "voxel"), ("-d", "surface distance"), ("-l", "lesion detection")):
        both.add_argument(option, action="store_true", help=f"only the {group} measures (with others of -s -d -l: and)")
    for option, name, default, what in (
        ("-v", "min-lesion-volume", 3.0, "lesions must be larger than this many mm3"),
        ("-x", "min-overlap", 0.10, "alpha: more than this share of a lesion must be covered"),
        ("-y", "max-false-positive", 0.70, "beta: what covers may lie outside by at most this share"),
        ("-z", "moderator", 0.65, "gamma: what covers is examined up to this share of the covered part"),
    ):
        both.add_argument(option, f"--{name}", type=float, default=default, metavar="N", help=f"{what} ({default:g})")


def _add_recipes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    recipes = commands.add_parser(
        "recipes",
        help="list the recipes, show one, or check a file of your own",
        description="`list` (or nothing): the shipped recipes. `show NAME`: the graph of its stages, what each is, "
        "what the paper states and what was chosen. `check FILE...`: whether recipes can be run and trained; one line "
        "each, exit code 2 if one cannot. NAME alone: its file.",
    )
    recipes.add_argument(
        "words", nargs="*", metavar="WORD", help="list, show NAME, check FILE..., or the name of a shipped recipe"
    )


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    compare = commands.add_parser(
        "compare",
        help="describe systems by their scores, test them against each other and rank them",
        description="Statistics over the pairs that all systems have: means with bootstrap intervals, paired Wilcoxon "
        "tests with Holm's correction, rankings with their uncertainty, agreement, figures. One system alone is only "
        "described.",
    )
    compare.add_argument(
        "systems", nargs="+", metavar="NAME=PATH", help="a name, and a scores.tsv or the results folder that holds one"
    )
    compare.add_argument("-o", "--out", required=True, metavar="DIR", help="the folder for tables and figures")
    compare.add_argument("--measures", nargs="+", default=[], metavar="NAME", help="which measures to print and draw")
    compare.add_argument("--bootstrap", type=int, default=10_000, metavar="N", help="how many resamples (10000)")
    compare.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (0)")
    compare.add_argument("--confidence", type=float, default=0.95, metavar="P", help="the level of intervals (0.95)")


def _add_consensus(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    consensus = commands.add_parser(
        "consensus",
        help="fuse the results of several systems, and tell whether that beats the best of them",
        description="Fuse what several systems say of the same pairs, and write the masks as a run does. Where pairs "
        "have references: every way to fuse and every single system scored with nothing taken from the pair's own "
        "subject, in consensus.tsv. Exit code 2 where a pair is missing, or lies on another grid.",
    )
    source = consensus.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--results",
        nargs="+",
        metavar="OUT_DIR",
        help="finished results folders of the same pairs, or NAME=OUT_DIR; of networks that have not seen the pairs",
    )
    source.add_argument(
        "--benchmark", metavar="OUT", help="a finished benchmark: only tell what a consensus of its recipes is worth"
    )
    consensus.add_argument("--pairs", metavar="TSV", help="with --results: the pairs, with references where there are")
    consensus.add_argument(
        "--recipes", nargs="+", default=[], metavar="LIST", help="with --benchmark: names, apart or by commas (all)"
    )
    consensus.add_argument("--out", required=True, metavar="DIR", help="the folder to write")
    consensus.add_argument(
        "--how",
        choices=("mean", "majority", "staple", "weights"),
        default="mean",
        help="how the written masks are fused (mean); weights are learned from the references",
    )
    consensus.add_argument("--cores", metavar="N", type=_cores, help="how many pairs are scored at once (all cores)")


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train",
        help="train a recipe's model on pairs with reference masks",
        description="Prepare every pair of the table that has a reference, train the recipe's model with held-out "
        "scores by subject, and write a model for `newlesions run --model`. Interrupted or killed, the same command "
        "goes on where it stopped. Exit codes: 0 done, 1 some pairs failed and were left out, or the model could not "
        "be made, 2 the input or the configuration is wrong.",
    )
    train.add_argument("--recipe", required=True, metavar="NAME", help="a recipe that is trained, or a YAML file")
    train.add_argument(
        "--pairs", required=True, metavar="TSV", help="a table of pairs with references, as of `newlesions index`"
    )
    train.add_argument(
        "--extra-pairs",
        metavar="TSV",
        help="a second such table, of other subjects: they train every network and validate none (recipes of networks)",
    )
    train.add_argument("--out", required=True, metavar="MODEL_DIR", help="the model's folder; its folder work is kept")
    train.add_argument("--configfile", metavar="FILE", help="a YAML file of settings, over the shipped config.yaml")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, as train.folds=5")
    _add_execution(train)
    _add_profile(train)


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bench = commands.add_parser(
        "benchmark",
        help="train, run and score any recipes on one cohort by cross-validation, and write a leaderboard",
        description="Nested cross-validation by subject of any recipes on the pairs that have a reference: each pair "
        "is judged by models that have seen no pair of its subject. What recipes share is computed once. Interrupted "
        "or killed, the same command goes on where it stopped. Exit codes: 0 done, 1 some recipes or pairs could not "
        "take part (the leaderboard says why), 2 the input or the configuration is wrong.",
    )
    bench.add_argument("--pairs", required=True, metavar="TSV", help="a table of pairs, as of `newlesions index`")
    bench.add_argument(
        "--recipes", nargs="+", required=True, metavar="LIST", help="all, or names and YAML files, apart or by commas"
    )
    bench.add_argument("--folds", required=True, metavar="K", type=_folds, help="outer folds by subject, or loo")
    bench.add_argument(
        "--budget",
        required=True,
        metavar="MINUTES|paper",
        type=_budget,
        help="minutes of training for a recipe in a fold (of CPU; of the clock on a GPU), or paper: as it says",
    )
    bench.add_argument("--out", required=True, metavar="OUT", help="the benchmark's folder")
    bench.add_argument("--extra-pairs", metavar="TSV", help="pairs of other subjects, for recipes that ask for such")
    bench.add_argument("--configfile", metavar="FILE", help="a YAML file of settings, over the shipped config.yaml")
    bench.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, for all recipes")
    fused = bench.add_argument_group("recipes fused, as further rows of the leaderboard")
    fused.add_argument(
        "--consensus",
        nargs="+",
        choices=("mean", "majority", "staple", "weights"),
        default=[],
        metavar="WAY",
        help="mean, majority, staple, weights (learned from the other folds' pairs); one or several",
    )
    fused.add_argument("--consensus-of", nargs="+", default=[], metavar="LIST", help="of these recipes (all)")
    small = bench.add_argument_group("recipes made small in the same way")
    small.add_argument("--patch", type=_positive, metavar="N", help="the most voxels along a patch (twice in slices)")
    small.add_argument("--batch", type=_positive, metavar="N", help="the most patches in a batch")
    small.add_argument("--members", type=_positive, metavar="N", help="the most folds of networks; one seed")
    small.add_argument(
        "--raise-rates", action="store_true", help="learning rates of at least 1e-3 (SGD 1e-2), for few steps"
    )
    bench.add_argument("--seed", type=_whole, default=0, metavar="N", help="of folds, training and bootstrap (0)")
    bench.add_argument("--paces", metavar="TSV", help="paces.tsv of an earlier benchmark, for the same steps as there")
    bench.add_argument("--bootstrap", type=_positive, default=10_000, metavar="N", help="how many resamples (10000)")
    bench.add_argument(
        "--no-pictures", action="store_true", help="no pictures of scans on the page, which then may be shown to others"
    )
    _add_execution(bench)
    _add_profile(bench)
    bench.add_argument("--dry-run", "-n", action="store_true", help="show what would be done; write nothing")


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser(
        "verify",
        help="check a results folder against its provenance.json, and run a sample again",
        description="Compare every output, scan, mask, weight, setting and version with what was recorded, then run a "
        "random sample of pairs again in a temporary folder and compare byte for byte. Writes nothing into OUT_DIR. "
        "Exit codes: 0 all as recorded, 1 something differs (it is named; other versions alone are a remark), 2 this "
        "is no results folder.",
    )
    verify.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a finished run")
    verify.add_argument("--sample", type=int, default=1, metavar="N", help="how many pairs to run again (1; 0: none)")
    verify.add_argument("--seed", type=int, metavar="N", help="of the sample (another one each time, and printed)")
    verify.add_argument("--json", metavar="FILE", help="write everything that was found as JSON")
    verify.add_argument("--keep", metavar="DIR", help="run the sample again in this folder, and leave it there")
    verify.add_argument("--model", metavar="MODEL", help="where the model's folder is now")
    verify.add_argument(
        "--moved", action="append", default=[], metavar="OLD=NEW", help="scans below OLD are now below NEW; repeatable"
    )
    _add_execution(verify)
    verify.add_argument("--profile", default="default", metavar="NAME", help="a shipped profile, or a folder")


def _add_diff(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    diff = commands.add_parser(
        "diff",
        help="tell which lesions, volumes and settings differ between two results folders of a cohort",
        description="Compare two releases pair by pair: lesions are matched by the overlap of their masks. Exit codes: "
        "0 equal (but for versions, perhaps), 1 they differ, 2 one is no results folder.",
    )
    diff.add_argument("first", metavar="OUT1", help="the results folder of the earlier run")
    diff.add_argument("second", metavar="OUT2", help="that of the later run")
    diff.add_argument("-o", "--output", metavar="FOLDER", help="write changes.tsv, lesions.tsv and diff.html there")


def _add_dicom(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    take = commands.add_parser(
        "dicom",
        help="choose and convert the FLAIR series of a folder of DICOM files, as pseudonymised BIDS",
        description="One FLAIR per patient and study date, converted by dcm2niix. No name, date or free text goes into "
        "BIDS_DIR; who is who stands in the key beside it. Exit codes: 0 every study gave a FLAIR, 1 some did not "
        "(each is named), 2 the input is wrong.",
    )
    take.add_argument("dicom_dir", metavar="DICOM_DIR", help="a folder with DICOM files at any depth")
    take.add_argument("-o", "--output", required=True, metavar="BIDS_DIR", help="the BIDS folder to write or add to")
    take.add_argument(
        "--table",
        metavar="TSV",
        help="exceptions to the rules: columns patient, study_date, series_number, series, use (take or leave), "
        "subject, session",
    )
    take.add_argument("--key", metavar="TSV", help="where to keep who is who (BIDS_DIR_key.tsv)")
    take.add_argument("--dry-run", "-n", action="store_true", help="show what would be taken; write nothing")
    give = commands.add_parser(
        "dicom-seg",
        help="write the changed lesions of finished pairs as DICOM segmentations of the follow-ups' series",
        description="For each pair, find the series of its follow-up in DICOM_DIR by grid and voxels, and write its "
        "new, enlarging, gone and shrinking lesions as one segmentation with four segments. Exit codes: 0 all written, "
        "1 some pairs have no series there (each is named), 2 the input is wrong.",
    )
    give.add_argument("out_dir", metavar="OUT_DIR", help="the results folder of a run")
    give.add_argument("--dicom", required=True, metavar="DICOM_DIR", help="where the follow-ups' DICOM files lie")
    give.add_argument(
        "-o", "--output", metavar="DIR", help="where to write; the files tell the patients' names (OUT_DIR_dicom-seg)"
    )
    _add_participants(give)


def _add_participants(command: argparse.ArgumentParser) -> None:
    """Whose results, where a results folder is the input."""
    command.add_argument(
        "--participant-label",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL",
        help="only these subjects, with or without sub-",
    )


def _add_selection(command: argparse.ArgumentParser) -> None:
    """Which part of the input makes the cohort."""
    for option, what in (
        ("--participant-label", "subjects, with or without sub-"),
        ("--session-label", "sessions, with or without ses-"),
    ):
        command.add_argument(option, nargs="+", action="extend", default=[], metavar="LABEL", help=f"only these {what}")
    command.add_argument("--bids-filter-file", metavar="FILE", help="a BIDS filter file with an entry for flair")
    command.add_argument(
        "--layout", choices=("auto", "bids", "msseg2", "table"), default="auto", help="how BIDS_DIR is laid out"
    )
    command.add_argument(
        "--pairing",
        choices=("consecutive", "first"),
        default="consecutive",
        help="each session against the one before, or the first",
    )
    command.add_argument("--references", metavar="DIR", help="a BIDS derivative with reference masks of new lesions")
    command.add_argument(
        "--brains", metavar="DIR", help="a BIDS derivative with brain masks to use instead of own ones"
    )


def _add_execution(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--cores", default=None, metavar="N", type=_cores, help="how many steps run at once (all cores)"
    )


def _add_profile(command: argparse._ActionsContainer) -> None:
    command.add_argument("--profile", default="default", metavar="NAME", help="a shipped profile, or a folder")
    command.add_argument(
        "--site", metavar="FILE", help="with the profile slurm: what it must know of your cluster (docs/cluster.md)"
    )


def _cores(text: str) -> str:
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a positive number, or all")
    return text


def _folds(text: str) -> str:
    if text != "loo" and not (text.isdecimal() and int(text) > 1):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a number of at least 2, or loo")
    return text


def _budget(text: str) -> float | None:
    """Minutes; None for what each recipe says."""
    try:
        minutes = None if text == "paper" else float(text)
    except ValueError:
        minutes = 0.0
    if minutes is not None and not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a positive number of minutes, or paper")
    return minutes


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a positive whole number")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}; expected 0 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a positive number of seconds")
    return seconds


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first ``--``, and what stands after it."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _bids_app(arguments: list[str]) -> list[str]:
    """The arguments with BIDS-Apps' ``BIDS_DIR OUT_DIR participant`` turned into ``run BIDS_DIR OUT_DIR``."""
    first, level = (arguments[0], arguments[2]) if len(arguments) > 2 else ("", "")
    if first.startswith("-") or first in _COMMANDS or level not in _LEVELS:
        return arguments
    if level == "group":
        parser().error("group: the level `participant` writes the cohort's table and page too")
    return ["run", first, arguments[1], *arguments[3:]]
