"""No version in the lock has a vulnerability that is known, as far as somebody here knows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from subprocess import PIPE

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = 4
TIME_LIMIT_S = 18.0

FAILS, SKIPS, PASSES = "fails", "skips", "passes"


def verdict(audits: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """What audits say of the lock together, and why.

    Args:
        audits: of each, pip-audit's JSON, which is empty where it ended early, and what it said besides.

    Returns:
        `FAILS` where a vulnerability is known or the lock cannot be audited, `SKIPS` where the service was not
        reached or does not know every package, otherwise `PASSES`.
    """
    found, unreached = [], ""
    for report, errors in audits:
        if report.strip():
            found += json.loads(report)["dependencies"]
            continue
        last = (errors.strip().splitlines() or ["the audit ended without a word"])[-1]
        if not re.search(r"Could not connect|not redirecting|(Connection|Service|HTTP|SSL)Error|Timeout", errors):
            return FAILS, last
        unreached = f"the service of vulnerabilities cannot be reached: {last}"
    if known := [f"{one['name']} {one['version']}: {v['id']}" for one in found for v in one.get("vulns", ())]:
        return FAILS, ", ".join(known)
    if unreached:
        return SKIPS, unreached
    if unknown := [one["name"] for one in found if "skip_reason" in one]:
        return SKIPS, f"the service knows nothing of {len(unknown)} of {len(found)} packages, such as {unknown[0]}"
    return (PASSES, f"{len(found)} packages") if found else (FAILS, "the lock names no package")


def audit(folder: Path) -> tuple[str, str]:
    """The verdict on requirements.lock, by the command of `make audit` on parts of it side by side."""
    recipe = (REPOSITORY / "Makefile").read_text().split("\naudit: setup")[1].split("\n\n")[0]
    (arguments,) = re.findall(r"-m (pip_audit .*) requirements.lock$", recipe, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9-]+==)", (REPOSITORY / "requirements.lock").read_text(), flags=re.MULTILINE)
    # Strictly, the first package that the service does not know would end it, without a report on the others.
    command = [sys.executable, "-m", *arguments.replace("--strict ", "").split()]
    started = []
    for number in range(PARTS):
        part = folder / f"{number}.lock"
        part.write_text("".join(blocks[number::PARTS]))
        options = [str(part), "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
        started.append(subprocess.Popen([*command, *options], stdout=PIPE, stderr=PIPE, text=True))
    try:
        return verdict([process.communicate(timeout=TIME_LIMIT_S) for process in started])
    except subprocess.TimeoutExpired:
        return SKIPS, f"the service of vulnerabilities took over {TIME_LIMIT_S:.0f} s; `make audit` waits for it"
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_no_locked_version_has_a_known_vulnerability(tmp_path):
    says, why = audit(tmp_path)
    if says == SKIPS:
        pytest.skip(why)
    assert says == PASSES, why


WHOLE = {"name": "numpy", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}
VULNERABLE = {"name": "jinja2", "version": "3.1.5", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
REFUSED = "requests.exceptions.ConnectionError: Failed to establish a new connection"


def found(*packages: dict[str, object]) -> tuple[str, str]:
    return json.dumps({"dependencies": packages, "fixes": []}), "what it found"


@pytest.mark.parametrize(
    ("audits", "says", "why"),
    [
        ([found(WHOLE), found(WHOLE)], PASSES, "2 packages"),
        ([found(WHOLE, VULNERABLE)], FAILS, "jinja2 3.1.5: PYSEC-1"),
        ([found(UNKNOWN), found(VULNERABLE)], FAILS, "jinja2 3.1.5: PYSEC-1"),
        ([("", REFUSED), found(VULNERABLE)], FAILS, "jinja2 3.1.5: PYSEC-1"),
        ([found(UNKNOWN, UNKNOWN)], SKIPS, "knows nothing of 2 of 2 packages, such as torch"),
        ([found(WHOLE), found(UNKNOWN)], SKIPS, "knows nothing of 1 of 2 packages, such as torch"),
        ([found(WHOLE), ("", f"Traceback:\n{REFUSED}")], SKIPS, f"cannot be reached: {REFUSED}"),
        ([("", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed")], SKIPS, "cannot be reached"),
        ([("", "pip_audit._service.interface.ServiceError")], SKIPS, "cannot be reached"),
        ([("", REFUSED), ("", "ERROR:pip_audit._cli:requirement a does not contain a hash")], FAILS, "contain a hash"),
        ([("", "")], FAILS, "ended without a word"),
        ([found()], FAILS, "the lock names no package"),
    ],
)
def test_only_a_whole_audit_passes_and_only_an_ignorant_or_silent_service_is_skipped(audits, says, why):
    said, because = verdict(audits)
    assert said == says
    assert why in because
