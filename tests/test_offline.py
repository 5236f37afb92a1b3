from __future__ import annotations

import subprocess
import sys

import pytest

# Any attempt to reach a host fails the process.
_SCRIPT = """
import socket
def refuse(*args, **kwargs):
    raise SystemExit("asked the network")
socket.getaddrinfo = socket.create_connection = refuse
from newlesions.offline import quiet_nipype
quiet_nipype()
from nipype.interfaces.base import CommandLine
CommandLine("true").run()
"""


def test_nipype_does_not_ask_for_newer_versions() -> None:
    pytest.importorskip("nipype", reason="neither of the extras `dicom` and `nipype` is installed: no nipype")
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
