"""Jobs of several steps: which files each step gets, and where a job ends."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from newlesions.reasons import REASON
from newlesions.steps import chains
from newlesions.steps.chains import CHAINS, run_job


@pytest.mark.parametrize(("job", "step"), [(job, step) for job, steps in CHAINS.items() for step in steps])
def test_every_name_is_an_argument_of_its_step(job: str, step: str) -> None:
    function = getattr(import_module(f"newlesions.steps.{step}"), step)
    assert CHAINS[job][step].keys() <= inspect.signature(function).parameters.keys()
    assert list(CHAINS[job])[-1] == job, "a job has the name of its last step"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """A job `second` of two steps; what its steps were called with."""
    called: list[tuple[str, dict[str, object], dict[str, object]]] = []

    def run_step(name: str, inputs: dict, outputs: dict, params: dict, log: Path) -> int:  # type: ignore[type-arg]
        called.append((name, inputs, outputs))
        log.write_text(name)
        return int(params.get("code", 0))

    monkeypatch.setattr(chains, "run_step", run_step)
    chain = {"first": {"raw": "scan", "out": "clean"}, "second": {"image": "clean", "mask": "brain", "out": "result"}}
    monkeypatch.setattr(chains, "CHAINS", {"second": chain})
    return called


def job(folder: Path, code: int = 0) -> int:
    logs = {name: folder / f"{name}.log" for name in ("first", "second")}
    outputs = {"clean": "c", "result": "r"}
    return run_job("second", {"scan": "s", "brain": []}, outputs, {"first": {"code": code}, "second": {}}, logs)


def test_what_a_step_made_is_an_input_of_the_next(tmp_path: Path, calls: list[tuple[str, dict, dict]]) -> None:  # type: ignore[type-arg]
    assert job(tmp_path) == 0
    assert calls == [
        ("first", {"raw": "s"}, {"out": "c"}),
        ("second", {"image": "c", "mask": []}, {"out": "r"}),
    ]


def test_a_job_ends_at_the_step_that_fails(tmp_path: Path, calls: list[tuple[str, dict, dict]]) -> None:  # type: ignore[type-arg]
    (tmp_path / "second.log").write_text("of an earlier run")
    assert job(tmp_path, code=1) == 1
    assert [name for name, *_ in calls] == ["first"]
    assert not (tmp_path / "second.log").exists()


def test_the_log_of_the_step_that_fails_has_the_reason(tmp_path: Path) -> None:
    logs = {name: tmp_path / f"{name}.log" for name in CHAINS["bias"]}
    params = {"ingest": {"scan": str(tmp_path / "absent.nii"), "sha256": "", "limits": None}, "bias": {}}
    outputs = {name: str(tmp_path / name) for name in ("flair", "report", "bias")}
    assert run_job("bias", {"scan": []}, outputs, params, logs) == 1
    last = logs["ingest"].read_text().splitlines()[-1]
    assert last.startswith(REASON) and "absent.nii" in last
    assert not logs["bias"].exists()


def test_a_step_of_its_own_gets_its_arguments_as_they_are(tmp_path: Path, calls: list[tuple[str, dict, dict]]) -> None:  # type: ignore[type-arg]
    assert run_job("alone", {"a": "1"}, {"b": "2"}, {"code": 0}, {"alone": tmp_path / "log"}) == 0
    assert calls == [("alone", {"a": "1"}, {"b": "2"})]
