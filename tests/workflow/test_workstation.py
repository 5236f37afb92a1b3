"""The profile of a workstation: its one GPU serves one job at a time."""

from __future__ import annotations

from pathlib import Path

from slurm.watched import Watched


def test_two_gpu_jobs_never_overlap(tmp_path: Path) -> None:
    cohort = Watched(tmp_path, seconds=0.5)
    for subject in ("02", "03", "04"):
        for session in ("M00", "M12"):
            cohort.scan(subject, session)
    # A job per pair; cores and memory would serve two at once.
    cohort.here("--profile", "workstation", "--set", "networks.bucket=1", "--set", "networks.threads=1")
    notes = sorted((note for note in cohort.notes() if note.step == "network"), key=lambda note: note.time)
    assert len(notes) > 2
    assert [note.event for note in notes] == ["start", "end"] * (len(notes) // 2)
