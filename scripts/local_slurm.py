#!/usr/bin/env python3
"""A SLURM cluster on this one machine, to try the profile `slurm` and to test it.

    scripts/local_slurm.py install    installs Debian's packages if they are missing (as root); exit code 1 if it cannot
    scripts/local_slurm.py start      the same, then starts
    scripts/local_slurm.py status     its daemons and nodes; exit code 1 unless all are up
    scripts/local_slurm.py stop       ends its jobs and daemons
    scripts/local_slurm.py check      whether it can be started here; exit code 1 and the reason if not

Four virtual nodes: cpu1 in the partition `cpu` (the default), cpu2 and cpu3 in `spare`, of which one may go down, and
gpu1 in `gpu`, whose GPUs are only names. Their CPUs and memory are only claimed, so that jobs of any size find a place.
A job that takes more memory than it asked for is killed when SLURM looks, every two seconds; there are no cgroups. What
this script writes lies in one folder, but for the link /etc/slurm/slurm.conf.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NODES = ("cpu1", "cpu2", "cpu3", "gpu1")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
FOLDER = Path(os.environ.get("LOCAL_SLURM_DIR", "/tmp/newlesions-slurm"))
PORT = int(os.environ.get("LOCAL_SLURM_PORT", "26817"))
CPUS = int(os.environ.get("LOCAL_SLURM_CPUS", "4"))
MEMORY = int(os.environ.get("LOCAL_SLURM_MEMORY", "64000"))  # MB of each node; claimed, as its CPUs are
GPUS = int(os.environ.get("LOCAL_SLURM_GPUS", "2"))

# `srun` inside a job is started without SLURM_CONF: it finds the configuration where every SLURM looks for it.
SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
CONF = FOLDER / "etc" / "slurm.conf"
SOCKET = FOLDER / "munge" / "socket"

_CONF = """\
ClusterName=newlesions
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={socket}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=task=2
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
PropagateResourceLimits=NONE
ReturnToService=1
SlurmdTimeout=30
KillWait=2
MinJobAge=300
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=256
{nodes}
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1-00:00:00 DefaultTime=60 State=UP
PartitionName=spare Nodes=cpu2,cpu3 Default=NO MaxTime=1-00:00:00 DefaultTime=60 State=UP
PartitionName=gpu Nodes=gpu1 Default=NO MaxTime=1-00:00:00 DefaultTime=60 State=UP
"""


def main() -> int:
    """Do what the first argument says. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("install", "start", "stop", "status", "check"))
    action = parser.parse_args().action
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ["SLURM_CONF"] = str(CONF)
    try:
        return {"install": install, "start": start, "stop": stop, "status": status, "check": check}[action]()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"local_slurm: {error}", file=sys.stderr)
        return 1


def check() -> int:
    """Say whether the cluster can be started here."""
    refusal = _refusal()
    print(f"local_slurm: {refusal}" if refusal else "local_slurm: can be started")
    return 1 if refusal else 0


def install() -> int:
    """Install what is missing; nothing is started."""
    if refusal := _refusal():
        raise RuntimeError(refusal)
    _install()
    return 0


def start() -> int:
    """Start what is not running, and wait until all nodes take jobs."""
    if refusal := _refusal():
        raise RuntimeError(refusal)
    if all(_pid(name) for name in _daemons()) and _nodes_ready():
        return status()
    stop()
    _install()
    _write_configuration()
    SYSTEM_CONF.parent.mkdir(exist_ok=True)
    if not _is_ours(SYSTEM_CONF):
        SYSTEM_CONF.symlink_to(CONF)
    for name, words in _daemons().items():
        launch(name, words)
        if name == "munged":
            _wait("munged", lambda: _quiet(["munge", "-n", "-S", str(SOCKET)]))
        elif name == "slurmctld":
            _wait("slurmctld", lambda: _quiet(["scontrol", "ping"]) and "UP" in _output(["scontrol", "ping"]))
    _wait("its nodes", _nodes_ready)
    return status()


def stop() -> int:
    """End the jobs, then the daemons."""
    if _pid("slurmctld") and _pid("munged"):
        user = _output(["id", "-un"]).strip()
        _quiet(["scancel", "--quiet", "--user", user])
        _wait("the end of its jobs", lambda: not _output(["squeue", "--noheader"]).strip(), seconds=20, fatal=False)
    for name in reversed(list(_daemons())):
        end(name)
    for pid in _left_by_jobs():
        os.kill(pid, signal.SIGKILL)
    if _is_ours(SYSTEM_CONF):
        SYSTEM_CONF.unlink()
    return 0


def status() -> int:
    """Print the daemons and the nodes."""
    running = {name: _pid(name) for name in _daemons()}
    for name, pid in running.items():
        print(f"{name:14}{f'process {pid}' if pid else 'not running'}")
    if running["slurmctld"]:
        print(_output(["sinfo", "--Node", "--format", "%N %P %T %c CPUs %m MB %G"]), end="")
    return 0 if all(running.values()) else 1


def launch(name: str, words: list[str]) -> None:
    """Start one daemon in a session of its own."""
    with open(FOLDER / "log" / f"{name}.out", "ab") as log:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=FOLDER, start_new_session=True
        )
    (FOLDER / "pids" / name).write_text(f"{process.pid} {_born(process.pid)}")


def end(name: str, how: int = signal.SIGTERM) -> None:
    """End one daemon, by force if it does not listen."""
    if not (pid := _pid(name)):
        return
    os.kill(pid, how)
    if not _wait(f"the end of {name}", lambda: not _pid(name), seconds=10, fatal=False):
        os.kill(pid, signal.SIGKILL)
    (FOLDER / "pids" / name).unlink(missing_ok=True)


def _left_by_jobs() -> list[int]:
    """Processes of jobs of this cluster that outlived it, as on a node that went down: no cgroup holds them."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"SLURM_CONF={CONF}".encode() in environment and any(
            one.startswith(b"SLURM_JOB_ID=") for one in environment
        ):
            left.append(int(folder.name))
    return left


def _refusal() -> str:
    """Why the cluster cannot be started here; "" if it can."""
    if os.geteuid() != 0:
        return "found another user than root; SLURM's daemons are started as root"
    if SYSTEM_CONF.exists() and not _is_ours(SYSTEM_CONF):
        return f"found {SYSTEM_CONF} of another SLURM, which is left alone"
    if _missing() and not shutil.which("apt-get"):
        return f"found neither {', '.join(_missing())} nor apt-get to install them"
    return ""


def _is_ours(link: Path) -> bool:
    return link.is_symlink() and link.readlink() == CONF


def _missing() -> list[str]:
    commands = {"munge": "munged", "slurmctld": "slurmctld", "slurmd": "slurmd", "slurm-client": "sbatch"}
    return [package for package in PACKAGES if not shutil.which(commands[package])]


def _install() -> None:
    """Install the packages that are missing. None of their daemons is started by the installation."""
    if not (missing := _missing()):
        return
    print(f"installing {', '.join(missing)}", flush=True)
    words = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    with _no_services():
        if not _quiet(words):
            _quiet(["apt-get", "update"])
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=_apt_environment())


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian's way to say that no service shall be started."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink()


def _daemons() -> dict[str, list[str]]:
    """The commands of the daemons by name, in the order in which they start."""
    munge = FOLDER / "munge"
    munged = ["munged", "--foreground", "--force", "--key-file", str(munge / "key"), "--socket", str(SOCKET)]
    munged += ["--pid-file", str(munge / "pid"), "--log-file", str(munge / "log"), "--seed-file", str(munge / "seed")]
    return {
        "munged": munged,
        "slurmctld": ["slurmctld", "-D", "-f", str(CONF)],
        **{f"slurmd.{node}": ["slurmd", "-D", "-f", str(CONF), "-N", node] for node in NODES},
    }


def _write_configuration() -> None:
    for name in ("etc", "log", "state", "munge", "dev", "pids", *(f"spool/{node}" for node in NODES)):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    (FOLDER / "munge").chmod(0o711)
    key = FOLDER / "munge" / "key"
    if not key.is_file():
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
    host = socket.gethostname().split(".")[0]
    nodes = [
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + 1 + number} CPUs={CPUS} "
        f"RealMemory={MEMORY} State=UNKNOWN" + (f" Gres=gpu:{GPUS}" if node.startswith("gpu") else "")
        for number, node in enumerate(NODES)
    ]
    text = _CONF.format(host=host, port=PORT, socket=SOCKET, folder=FOLDER, nodes="\n".join(nodes))
    CONF.write_text(text)
    devices = [FOLDER / "dev" / f"gpu{number}" for number in range(GPUS)]
    for device in devices:
        device.touch()
    lines = [f"NodeName=gpu1 Name=gpu File={device}" for device in devices]
    (CONF.parent / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines]) + "\n")


def _nodes_ready() -> bool:
    said = _output(["sinfo", "--noheader", "--Node", "--format", "%N %T"])
    states = dict(line.split() for line in said.splitlines())
    return states.keys() == set(NODES) and all(state in ("idle", "mixed", "allocated") for state in states.values())


def _pid(name: str) -> int:
    """The process of a daemon; 0 if it does not run. Its birth guards against a process that took its number."""
    path = FOLDER / "pids" / name
    pid, _, born = path.read_text().partition(" ") if path.is_file() else ("0", "", "")
    return int(pid) if int(pid) and born and _born(int(pid)) == born else 0


def _born(pid: int) -> str:
    """When a process was started, in the kernel's ticks; "" if there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _wait(what: str, ready: Callable[[], bool], seconds: float = 30, fatal: bool = True) -> bool:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            if fatal:
                raise RuntimeError(f"waited {seconds:.0f} s for {what}; see {FOLDER / 'log'}")
            return False
        time.sleep(0.1)
    return True


def _apt_environment() -> dict[str, str]:
    return os.environ | {"DEBIAN_FRONTEND": "noninteractive"}


def _quiet(words: list[str]) -> bool:
    finished = subprocess.run(words, capture_output=True, check=False, env=_apt_environment(), stdin=subprocess.DEVNULL)
    return finished.returncode == 0


def _output(words: list[str]) -> str:
    finished = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)
    return finished.stdout


if __name__ == "__main__":
    sys.exit(main())
