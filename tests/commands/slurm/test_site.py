from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from newlesions import house
from newlesions.commands.slurm import site
from newlesions.errors import ConfigError

SHIPPED = house.root() / "profiles" / "slurm"
PROFILE = yaml.safe_load((SHIPPED / "config.yaml").read_text())


def read(folder: Path, text: str) -> dict[str, Any]:
    (folder / "mine.yaml").write_text(text)
    return site.read_site(folder / "mine.yaml", SHIPPED / site.SITE)


def test_the_shipped_site_is_a_site() -> None:
    told = site.read_site(SHIPPED / site.SITE, SHIPPED / site.SITE)
    assert told["account"] is None
    assert [name for name, limits in told["partitions"].items() if site.has_gpu(limits)] == ["gpu"]


def test_what_a_site_leaves_out_is_as_shipped_but_partitions_are_its_own(tmp_path: Path) -> None:
    told = read(tmp_path, "account: a-1\ngpu: {ask: none}\npartitions: {short: {max_runtime: 60}}\n")
    assert (told["account"], told["status"], told["gpu"]) == ("a-1", "squeue", {"ask": "none", "model": None})
    assert told["partitions"] == {"short": {"max_runtime": 60}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acount: x\n", "found 'acount'"),
        ("account: 'a; b'\n", "account"),
        ("jobs: 0\n", "expected >= 1"),
        ("status: guess\n", "expected one of squeue, sacct"),
        ("partitions: {}\n", "partitions"),
        ("partitions: {cpu: {max_runtime: 60}}\n", "found none with max_gpu; expected one, or gpu.ask: none"),
    ],
)
def test_a_wrong_site_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        read(tmp_path, text)
    assert "mine.yaml" in str(raised.value)


def test_the_site_is_the_one_given_or_of_the_environment_or_of_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, ours = tmp_path / "mine.yaml", tmp_path / "ours.yaml"
    for path in (mine, ours):
        path.touch()
    monkeypatch.delenv(site.ENVIRONMENT, raising=False)
    assert site.find_site(SHIPPED, None) == SHIPPED / "site.yaml"
    monkeypatch.setenv(site.ENVIRONMENT, str(ours))
    assert site.find_site(SHIPPED, None) == ours
    assert site.find_site(SHIPPED, str(mine)) == mine
    monkeypatch.setenv(site.ENVIRONMENT, str(tmp_path / "gone.yaml"))
    with pytest.raises(ConfigError, match="NEWLESIONS_SITE: found no file"):
        site.find_site(SHIPPED, None)


def made(tmp_path: Path, text: str) -> dict[str, Any]:
    return site.profile_at(PROFILE, read(tmp_path, text), "newlesions-x")


def test_what_the_site_says_is_in_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODULESHOME", "/opt/lmod home")
    profile = made(tmp_path, "account: a-1\nqos: long\nmodules: [cuda/12.4, gcc]\njobs: 7\nstatus: sacct\n")
    assert profile["executor"] == "slurm"
    assert profile["jobs"] == 7
    assert profile["slurm-status-command"] == "sacct"
    assert profile["slurm-qos"] == "long"
    assert profile["slurm-jobname-prefix"] == "newlesions-x"
    assert "slurm_account='a-1'" in profile["default-resources"]
    assert profile["precommand"] == ". '/opt/lmod home'/init/sh && module load cuda/12.4 gcc"
    assert yaml.safe_load(site.profile_text(profile)) == profile


def test_without_account_and_modules_none_is_asked_for(tmp_path: Path) -> None:
    profile = made(tmp_path, "jobs: 7\n")
    assert profile["default-resources"] == PROFILE["default-resources"]
    assert {"slurm-qos", "precommand"}.isdisjoint(profile)


def test_modules_need_a_machine_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODULESHOME", raising=False)
    with pytest.raises(ConfigError, match="found no MODULESHOME"):
        made(tmp_path, "modules: [cuda]\n")


@pytest.mark.parametrize(
    ("gpu", "asked"),
    [
        ("{ask: gpu}", "gpu=1"),
        ("{ask: gpu, model: a100}", "gpu=1 gpu_model='a100'"),
        ("{ask: gres}", "gpu=0 gres='gpu:1'"),
        ("{ask: gres, model: a100}", "gpu=0 gres='gpu:a100:1'"),
        ("{ask: none}", "gpu=0"),
    ],
)
def test_gpus_are_asked_for_in_the_way_of_the_site(tmp_path: Path, gpu: str, asked: str) -> None:
    entries = made(tmp_path, f"gpu: {gpu}\n")["set-resources"]
    assert [entry for entry in entries if entry.startswith("network:")] == [f"network:{one}" for one in asked.split()]
    assert {entry.partition(":")[0] for entry in entries} == {
        "network",
        "network_seen",
        "network_held_out",
        "fit_network",
        "pace",
    }


@pytest.mark.parametrize(
    ("partitions", "minutes"),
    [
        (
            "{cpu: {max_runtime: 9000}, gpu: {max_runtime: 1440, max_gpu: 1}, gpu2: {max_runtime: 600, max_gpu: 1}}",
            1440,
        ),
        ("{gpu: {max_runtime: 9000, max_gpu: 1}}", 2880),
        ("{gpu: {max_gpu: 1}}", 2880),
    ],
)
def test_a_training_asks_for_no_more_time_than_some_partition_gives(
    tmp_path: Path, partitions: str, minutes: int
) -> None:
    """SLURM keeps a job that fits none waiting, for ever and without a word."""
    assert f"fit_network:runtime={minutes}" in made(tmp_path, f"partitions: {partitions}\n")["set-resources"]


def test_a_training_without_gpus_may_take_as_long_as_any_partition_gives(tmp_path: Path) -> None:
    text = "gpu: {ask: none}\npartitions: {short: {max_runtime: 60}, long: {max_runtime: 2000}}\n"
    assert "fit_network:runtime=2000" in made(tmp_path, text)["set-resources"]
