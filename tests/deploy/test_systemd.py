"""The systemd units: accepted by systemd where it is installed, and their commands by the runner."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import local_runner
from pipeline.config.load import load_config
from pipeline.errors import DataRejectedError, InputError, NotBlessedError
from pipeline.run.local.spans import has_spans
from pipeline.run.summary.summary import AWAITING_CODE
from pipeline.run.watch.cron import parse_cron

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy" / "systemd"
SERVICES = ["mainline.service", "mainline-retrain.service"]
HOME, STATE = "/opt/mainline", "/var/lib/mainline"
NO_SYSTEMD = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")


def settings(unit: str) -> dict[str, str]:
    """The settings of a unit by name; a duplicate is an error."""
    lines = (UNITS / unit).read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=")[::2] for line in lines if line and line[0] not in "#["]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def arguments(unit: str) -> list[str]:
    """The arguments of the runner."""
    program, runner, *given = shlex.split(settings(unit)["ExecStart"])
    assert program == f"{HOME}/.venv/bin/python"
    assert (ROOT / runner).is_file()
    return given


@NO_SYSTEMD
def test_systemd_accepts_the_units(tmp_path):
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace(f"{HOME}/.venv/bin/python", sys.executable)
        here = text.replace(f"WorkingDirectory={HOME}", f"WorkingDirectory={ROOT}")
        (tmp_path / unit.name).write_text(here, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True,
    )  # fmt: skip
    # Ignore messages about units of this machine.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "mainline" in line]
    assert said == []


@NO_SYSTEMD
def test_systemd_rejects_unknown_settings(tmp_path):
    unit = tmp_path / "mainline.service"
    text = (UNITS / unit.name).read_text(encoding="utf-8").replace(f"{HOME}/.venv/bin/python", sys.executable)
    unit.write_text(text.replace("KillMode=mixed", "KillMode=mix"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert "mainline.service" in done.stdout + done.stderr


@NO_SYSTEMD
def test_the_timer_and_the_watch_have_the_same_schedule():
    calendar = settings("mainline-retrain.timer")["OnCalendar"]
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--base-time=2026-05-01 00:00:00 UTC", calendar], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"2026-05-01 03:00:00 UTC", done.stdout)
    options = local_runner.parse(arguments("mainline.service"))
    assert parse_cron(options.cron).text == "0 0 3 * * *"


@pytest.mark.parametrize("unit", SERVICES)
def test_the_runner_parses_the_command(unit):
    options = local_runner.parse(arguments(unit))
    config = load_config(options.config, tuple(options.set))
    assert has_spans(config)
    assert str(options.root).startswith(f"{STATE}/")
    assert str(config.data.path).startswith(f"{STATE}/")
    assert options.watch == (unit == "mainline.service")


def test_the_timer_starts_the_run_and_catches_up():
    timer = settings("mainline-retrain.timer")
    assert (timer["Unit"], timer["Persistent"]) == ("mainline-retrain.service", "true")
    assert settings("mainline-retrain.service")["Type"] == "oneshot"


def test_errors_that_a_retry_cannot_fix_are_not_retried():
    watch, once = settings("mainline.service"), settings("mainline-retrain.service")
    assert watch["RestartPreventExitStatus"] == str(InputError.exit_code)
    refused = (InputError.exit_code, NotBlessedError.exit_code, DataRejectedError.exit_code)
    assert once["RestartPreventExitStatus"] == " ".join(map(str, refused))
    assert once["SuccessExitStatus"] == str(AWAITING_CODE)
    assert watch["Restart"] == once["Restart"] == "on-failure"


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_can_only_write_below_its_own_folder(unit):
    given = settings(unit)
    assert (given["ProtectSystem"], given["ReadWritePaths"]) == ("strict", STATE)
    assert (given["NoNewPrivileges"], given["CapabilityBoundingSet"]) == ("yes", "")
    assert given["KillMode"] == "mixed"


def test_both_services_have_the_same_restrictions():
    watch, once = map(settings, SERVICES)
    names = list(watch)[list(watch).index("MemoryMax") : list(watch).index("WantedBy")]
    assert len(names) > 20
    assert {name: once[name] for name in names} == {name: watch[name] for name in names}
