from __future__ import annotations

import os
from pathlib import Path

import pytest

from newlesions.cohort.outcome import outcomes
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import LAST_STEPS, SESSION_STEPS, log_files, page_file, run_steps, summary_file
from newlesions.cohort.status import DONE, FAILED, RUNNING, WAITING, PairState, Work, counts, pair_states
from newlesions.cohort.step_logs import StepLogs
from newlesions.cohort.time_left import time_left
from newlesions.images.files import write_json, write_text
from newlesions.reasons import REASON, ending

PAIR = Pair.of("01", ("M00", "M12"), ("/data/a.nii", "/data/b.nii"))
STEPS = run_steps(None)
FIRST, LAST = STEPS[0], STEPS[-1]
START = 1_000_000.0
"""When the run began; logs of before are of earlier runs."""


def write_log(log: Path, last: str, at: float) -> Path:
    write_text(log, f"CALL: {{}}\n{last}\n")
    os.utime(log, (at, at))
    return log


def logs_of(out: Path, pair: Pair = PAIR) -> list[tuple[str, Path]]:
    return log_files(out, pair, STEPS)


def finish(out: Path, pair: Pair = PAIR, at: float = START + 1, seconds: float = 2.0) -> None:
    for step, log in logs_of(out, pair):
        write_log(log, ending(step, seconds), at)
    write_json(summary_file(out, pair), {})
    write_text(page_file(out, pair), "page")


def state_of(out: Path, work: Work) -> PairState:
    (state,) = pair_states(out, [PAIR], STEPS, {}, work, StepLogs())
    return state


AT_WORK, ENDED = Work(at_work=True, since=START), Work(since=START)


@pytest.mark.parametrize("work", [AT_WORK, ENDED])
def test_a_pair_with_its_results_is_done(tmp_path: Path, work: Work) -> None:
    finish(tmp_path)
    assert state_of(tmp_path, work) == PairState(PAIR.pair, DONE)


def test_a_pair_that_nobody_began_waits_for_its_first_step(tmp_path: Path) -> None:
    state = state_of(tmp_path, AT_WORK)
    assert (state.state, state.step, state.reason) == (WAITING, FIRST, "")
    assert state.left == tuple(logs_of(tmp_path))


def test_a_log_without_an_end_is_a_running_step_only_in_this_run(tmp_path: Path) -> None:
    log = write_log(logs_of(tmp_path)[1][1], "half a sentence", START + 5)
    assert state_of(tmp_path, AT_WORK).state == RUNNING
    assert state_of(tmp_path, ENDED).state == WAITING, "the run was interrupted"
    assert state_of(tmp_path, Work(at_work=True, since=START + 6)).state == WAITING, "an earlier run was"
    killed = state_of(tmp_path, Work(at_work=True, since=START, failed=[log]))
    assert killed.state == FAILED
    assert "stopped without a reason" in killed.reason


def test_a_failure_is_told_with_its_reason_until_it_is_tried_again(tmp_path: Path) -> None:
    log = write_log(logs_of(tmp_path)[1][1], f"{REASON}/data/b.nii: found a cut file", START + 5)
    for work in (AT_WORK, ENDED, Work(since=START + 6)):
        state = state_of(tmp_path, work)
        assert (state.state, state.step, state.reason) == (FAILED, FIRST, f"{FIRST}: b.nii: found a cut file")
    assert state_of(tmp_path, Work(at_work=True, since=START + 6)).state == WAITING, "this run will try it again"
    assert state_of(tmp_path, Work(at_work=True, since=START, again=[log])).state == WAITING


def test_a_job_of_several_steps_may_be_killed_before_any_of_them(tmp_path: Path) -> None:
    (step, first), (_, second) = logs_of(tmp_path)[:4:2]
    state = state_of(tmp_path, Work(at_work=True, since=START, failed=[first, second]))
    assert (state.state, state.step) == (FAILED, step), "before the first"
    write_log(first, ending(step, 1.0), START + 1)
    state = state_of(tmp_path, Work(at_work=True, since=START, failed=[first, second]))
    assert (state.state, state.step) == (FAILED, STEPS[1]), "between the two"
    assert "stopped without a reason" in state.reason


def test_results_are_not_done_while_a_run_makes_them_again(tmp_path: Path) -> None:
    finish(tmp_path)
    prepared = [(step, log) for step, log in logs_of(tmp_path) if step not in (*SESSION_STEPS, *LAST_STEPS)]
    step, log = prepared[-1]
    write_log(log, ending(step, 1.0), START + 9)
    state = state_of(tmp_path, AT_WORK)
    assert (state.state, {step for step, _ in state.left}) == (WAITING, set(LAST_STEPS) & set(STEPS) - {"evaluate"})
    assert state_of(tmp_path, ENDED).state == DONE


def test_the_sessions_do_not_wait_for_one_another(tmp_path: Path) -> None:
    finish(tmp_path)
    (_, baseline), (_, followup) = logs_of(tmp_path)[:2]
    write_log(followup, ending(FIRST, 1.0), START + 9)
    left = [log for _, log in state_of(tmp_path, AT_WORK).left]
    assert not [log for log in left if log.stem == baseline.stem]
    assert [log for log in left if log.stem == followup.stem]


def test_a_result_that_was_removed_is_waited_for(tmp_path: Path) -> None:
    finish(tmp_path)
    page_file(tmp_path, PAIR).unlink()
    state = state_of(tmp_path, ENDED)
    assert (state.state, state.step) == (WAITING, LAST)


def test_results_whose_logs_were_removed_are_done(tmp_path: Path) -> None:
    finish(tmp_path)
    logs_of(tmp_path)[0][1].unlink()
    assert state_of(tmp_path, ENDED).state == DONE


def test_after_a_run_the_failures_are_those_of_the_table(tmp_path: Path) -> None:
    pairs = [Pair.of(name, ("1", "2"), ("/data/a.nii", "/data/b.nii")) for name in ("01", "02", "03")]
    finish(tmp_path, pairs[0])
    write_log(logs_of(tmp_path, pairs[1])[4][1], f"{REASON}no brain", START + 1)
    states = pair_states(tmp_path, pairs, STEPS, {}, ENDED, StepLogs())
    rows = outcomes(tmp_path, pairs, STEPS)
    assert [state.state for state in states] == [DONE, FAILED, WAITING]
    assert counts(states) == {DONE: 1, RUNNING: 0, FAILED: 1, WAITING: 1}
    assert [row["status"] for row in rows] == ["done", "failed", "failed"]
    assert states[1].reason == rows[1]["reason"]


def test_changed_logs_are_read_again(tmp_path: Path) -> None:
    logs = StepLogs()
    log = write_log(tmp_path / "a.log", "half", START)
    assert (end := logs.end(FIRST, log)) is not None and not end.ended
    write_log(log, ending(FIRST, 3.5), START + 1)
    assert (end := logs.end(FIRST, log)) is not None and end.seconds == 3.5
    assert logs.end(FIRST, tmp_path / "absent.log") is None


def test_a_reason_of_any_length_is_read_whole(tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.log", REASON + "long " * 5000, START)
    end = StepLogs().end(FIRST, log)
    assert end is not None and end.reason.startswith("long long")


def test_the_time_left_follows_the_pace_of_the_run(tmp_path: Path) -> None:
    pairs = [Pair.of(name, ("1", "2"), ("/data/a.nii", "/data/b.nii")) for name in ("01", "02", "03", "04", "05")]
    now, seconds = START + 200, 10.0
    for pair in pairs[:2]:
        finish(tmp_path, pair, START + 50, seconds)
    logs = StepLogs()
    states = pair_states(tmp_path, pairs, STEPS, {}, AT_WORK, logs)
    needed = {log: step for pair in pairs for step, log in logs_of(tmp_path, pair)}
    ends = [(log, end) for log, step in needed.items() if (end := logs.end(step, log))]
    left = time_left(states, ends, AT_WORK, now, lambda step: None)
    per_pair = len(logs_of(tmp_path)) * seconds
    assert left.at_once == pytest.approx(2 * per_pair / 200)
    assert left.work_seconds == pytest.approx(3 * per_pair)
    assert left.seconds == pytest.approx(300)
    last = time_left(states[-1:], ends, Work(at_work=True, since=now - 61), now, lambda step: None)
    assert last.seconds >= len(STEPS) - 2, "a pair's own steps follow one another"


def test_what_nobody_has_measured_is_named(tmp_path: Path) -> None:
    states = pair_states(tmp_path, [PAIR], STEPS, {}, AT_WORK, StepLogs())
    left = time_left(states, [], AT_WORK, START + 1, lambda step: None if step == LAST else 4.0)
    assert left.unknown == (LAST,)
    assert left.seconds == 4.0 * (len(logs_of(tmp_path)) - 1)
    assert left.at_once == 1.0
