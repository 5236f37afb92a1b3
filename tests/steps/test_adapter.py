from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from newlesions.errors import InputError
from newlesions.steps.adapter import replay, run_step

Calls = list[dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A step `example` that records its arguments and behaves as `params["do"]` says."""
    seen: Calls = []

    def example(**arguments: Any) -> None:
        seen.append(arguments)
        print("from python")
        ctypes.CDLL(None).write(1, b"from c\n", 7)
        if arguments.get("do") == "refuse":
            raise InputError("scan.nii", "two\nlines", "one")
        if arguments.get("do") == "break":
            raise ZeroDivisionError("by nought")

    module = ModuleType("newlesions.steps.example")
    vars(module)["example"] = example
    monkeypatch.setitem(sys.modules, "newlesions.steps.example", module)
    return seen


def test_arguments_arrive_as_paths_and_values(calls: Calls, tmp_path: Path) -> None:
    inputs = {"one": "a.nii", "many": ["b", "c"], "absent": [], "scan": []}
    params = {"scan": "missing.nii", "settings": {"k": 3.0, "on": True}, "nothing": None}
    assert run_step("example", inputs, {"out": tmp_path / "o"}, params, tmp_path / "logs" / "x.log") == 0
    (call,) = calls
    assert call["one"] == Path("a.nii")
    assert call["many"] == [Path("b"), Path("c")]
    assert call["absent"] is None
    assert call["scan"] == "missing.nii", "a parameter replaces an absent input"
    assert call["out"] == tmp_path / "o"
    assert call["settings"] == {"k": 3.0, "on": True}
    assert call["nothing"] is None


def test_the_log_holds_everything_and_ends_with_the_time(
    calls: Calls, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "x.log"
    run_step("example", {}, {}, {}, log)
    lines = log.read_text().splitlines()
    assert lines[0].startswith("CALL: {")
    assert sorted(lines[1:3]) == ["from c", "from python"]
    assert lines[-1].startswith("example took ")
    print("back")
    assert capfd.readouterr().out == "back\n"


def test_a_refused_input_ends_the_log_with_its_reason(calls: Calls, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert run_step("example", {}, {}, {"do": "refuse"}, log) == 1
    assert log.read_text().splitlines()[-1] == "ERROR: scan.nii: found two lines; expected one"


def test_a_mistake_in_the_code_is_logged_with_its_traceback_and_raised(calls: Calls, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with pytest.raises(ZeroDivisionError):
        run_step("example", {}, {}, {"do": "break"}, log)
    text = log.read_text()
    assert "Traceback" in text
    assert text.splitlines()[-1] == "ERROR: ZeroDivisionError: by nought"


def test_every_library_gets_one_thread(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    run_step("example", {}, {}, {}, tmp_path / "x.log")
    assert os.environ["OMP_NUM_THREADS"] == os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "1"


def test_replaying_a_log_repeats_the_call(calls: Calls, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    run_step("example", {"a": "x", "b": []}, {"o": "y"}, {"k": 1}, log)
    assert replay(log) == 0
    assert calls[0] == calls[1]


def test_a_file_that_is_no_steps_log_is_not_replayed(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("something else\n")
    with pytest.raises(ValueError, match="does not begin with a step's call"):
        replay(log)
