from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from newlesions.errors import ConfigError
from newlesions.processes import hold_lock

HOLDER = """
import sys, time
from newlesions.processes import hold_lock
hold_lock(__import__("pathlib").Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
from newlesions.processes import die_with_parent
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=die_with_parent)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_the_lock_keeps_others_out_and_goes_with_a_killed_holder(tmp_path: Path) -> None:
    path = tmp_path / "work" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match="found another run at work"):
            hold_lock(path, patience=0.2)
        holder.kill()
    os.close(hold_lock(path, patience=1))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_a_process_ends_with_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(50):
        if not _alive(child):
            break
        time.sleep(0.1)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
