"""Keeps a measured figure with the machine, versions and date that it was measured with."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def load_average() -> float | None:
    """Mean number of busy processes over the last minute; well above the cores, times are too long."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def record(name: str, figures: Mapping[str, Any], packages: tuple[str, ...], load_before: float | None) -> None:
    """Write results/NAME.json, and print it."""
    result = {
        **figures,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "load_average_before": load_before,
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in ("earmark", *packages)}},
        "date": date.today().isoformat(),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
