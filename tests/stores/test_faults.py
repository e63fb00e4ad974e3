"""Faults at every few steps of writing; see `faulty_writes.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STRIDE = 7
"""Every how manieth change of a file is disturbed: a prime, so that all kinds of steps have their turn."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, str]:
    if not hasattr(os, "fork"):
        pytest.skip("faults are injected into forks of a process")
    script = Path(__file__).with_name("faulty_writes.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path_factory.mktemp("faults"), str(STRIDE)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return {**dict(line.split(": ", 1) for line in done.stdout.splitlines()), "errors": done.stderr}


@pytest.mark.parametrize("fault", ["kill", "full"])
@pytest.mark.parametrize("what", ["features", "run"])
def test_after_a_fault_at_any_step_nothing_is_half_and_the_next_call_completes_it(reports, what, fault):
    report = reports[f"{what} {fault}"]
    assert report.replace(" ", "").isdigit(), f"{report}: {reports['errors']}"
    n_changes, n_failed = (int(count) for count in report.split())
    assert n_changes > 50  # the hook does see the writing
    n_attempts = len(range(1, n_changes + 1, STRIDE))
    # Every kill kills; a full disk is no hindrance to removing files.
    assert n_failed == n_attempts if fault == "kill" else 2 < n_failed <= n_attempts


def test_a_killed_process_lets_go_of_its_lock(reports):
    assert reports["lock"] == "held, then free"
