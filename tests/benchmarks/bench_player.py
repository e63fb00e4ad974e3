"""Speed of the player in JupyterLab, in a headless Chromium; run by hand, on a machine that does nothing else.

    python tests/benchmarks/bench_player.py

`earmark lab` is started as a person does, and a notebook's cells are run by the keyboard: seconds from the command to
the open notebook, from the keys that run a cell to the player's picture on the page (in a kernel that has imported
nothing yet, and again), and milliseconds from a threshold's change to the next frame on the screen. Sounds are stereo
at 44.1 kHz of 24 bit, with 25 annotated events and the posteriors of a net.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import soundfile
from playwright.sync_api import sync_playwright

from record import load_average, record

RATE_HZ = 44_100
N_EVENTS, HOP_S, TURNS = 25, 0.02, 5
SOUNDS = {"clip.wav": 10, "clip2.wav": 10, "half_hour.wav": 1800, "half_hour.flac": 1800}
"""Seconds, by name."""

PLAY = """
import numpy as np
from pathlib import Path
from earmark.recordings import Event
from earmark_lab.player import Lane, Player, Track
name, duration_s, n_events, hop_s = {name!r}, {duration_s}, {n_events}, {hop_s}
labels = tuple(f"event {{number:02}}" for number in range(n_events))
rng = np.random.default_rng(0)
onsets = rng.uniform(0, duration_s - 3, (n_events, max(duration_s // 30, 1)))
events = tuple(Event(float(t), float(t) + 2, label) for row, label in zip(onsets, labels) for t in row)
posterior = 0.3 * rng.random((round(duration_s / hop_s), n_events), dtype=np.float32)
for row, label in zip(onsets, range(n_events)):
    for t in row:
        posterior[int(t / hop_s) : int((t + 2) / hop_s), label] += 0.5
Player(Path(name), [Lane("annotated", events), Lane("net", track=Track(posterior, labels, hop_s))], title=name)
"""

DRAWN = """(cell) => {
  const canvas = document.querySelectorAll(".jp-CodeCell")[cell].querySelector(".ep-sound");
  if (!canvas || !canvas.width) return false;
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(bytes.buffer)).size > 30;
}"""
"""Whether there is a picture: more than the few colours of the frame."""

HEARD = """(cell) => Boolean(document.querySelectorAll(".jp-CodeCell")[cell].querySelector("audio").src)"""
"""Whether the sound has come, too."""

MOVED = """(player) => new Promise((done) => {
  const slider = player.querySelector("input[type=range]"), took = [];
  const next = () => {
    slider.value = 0.2 + 0.03 * took.length;
    const began = performance.now();
    slider.dispatchEvent(new Event("input"));
    requestAnimationFrame(() => setTimeout(() => {
      took.push(performance.now() - began);
      took.length < 20 ? next() : done(took);
    }));
  };
  next();
})"""
"""Milliseconds from each of 20 changes of a threshold to the end of the frame that shows it."""


def write_sounds(folder: Path) -> None:
    """Noise of changing loudness under a slow sweep, for each of `SOUNDS`."""
    rng = np.random.default_rng(0)
    for name, duration_s in SOUNDS.items():
        with soundfile.SoundFile(folder / name, "w", RATE_HZ, 2, "PCM_24") as file:
            for second in range(duration_s):
                noise = rng.uniform(-0.3, 0.3, (RATE_HZ, 2)) / (1 + second % 7)
                tone = np.sin(2 * np.pi * (200 + 40 * (second % 60)) * np.arange(RATE_HZ) / RATE_HZ)
                file.write((noise + 0.2 * tone[:, None]).astype(np.float32))


def write_notebook(path: Path) -> None:
    """A cell for each sound."""
    cells = [
        nbformat.v4.new_code_cell(PLAY.format(name=name, duration_s=duration_s, n_events=N_EVENTS, hop_s=HOP_S))
        for name, duration_s in SOUNDS.items()
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@contextmanager
def lab(notebook: Path) -> Iterator[str]:
    """`earmark lab` with a notebook; gives the address of the page."""
    home, token = notebook.parent, secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        name: str(home / ".config" / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / ".config/workspaces"), "BROWSER": "", "DISPLAY": ""}
    given = [f"--port={port}", "--ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command = [str(Path(sys.executable).with_name("earmark")), "lab", str(notebook), "--", *given]
    server = subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/lab/tree/{notebook.name}?reset&token={token}"
    finally:
        server.terminate()
        server.wait(30)


def open_page(page: Any, address: str) -> None:
    """Ask until JupyterLab answers, and wait for the notebook's first cell."""
    while True:
        try:
            page.goto(address)
            break
        except Exception:  # Playwright's error for a refused connection has no class of its own
            time.sleep(0.05)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=120_000)


def picture_s(page: Any, cell: int) -> float:
    """Seconds from the keys that run a cell to its picture."""
    page.locator(".jp-CodeCell .cm-content").nth(cell).click()
    began = time.perf_counter()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(DRAWN, arg=cell, polling=20, timeout=120_000)
    return time.perf_counter() - began


def measure(folder: Path) -> dict[str, Any]:
    """Once through: the notebook is opened and each of its cells is run."""
    notebook = folder / "player.ipynb"
    write_notebook(notebook)
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--mute-audio"]
        )
        page = browser.new_page(viewport={"width": 1300, "height": 1400})
        began = time.perf_counter()
        with lab(notebook) as address:
            open_page(page, address)
            took: dict[str, Any] = {"open_s": time.perf_counter() - began}
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
            for cell, name in enumerate(SOUNDS):
                took[name] = picture_s(page, cell)
                # A long sound is made aside, at the expense of the next one's picture.
                page.wait_for_function(HEARD, arg=cell, timeout=120_000)
                page.locator(".jp-CodeCell").nth(cell).screenshot(path=folder / f"{name}.png")
            for name, cell in (("clip_threshold_ms", 1), ("half_hour_threshold_ms", 2)):
                player = page.locator(".jp-CodeCell").nth(cell).locator(".earmark-player")
                took[name] = player.evaluate(MOVED)
        browser.close()
    return took


def main() -> None:
    """Measure and keep the figures."""
    before = load_average()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sounds(folder)
        size_mib = (folder / "half_hour.flac").stat().st_size / 2**20
        turns = [measure(folder) for _ in range(TURNS)]

    def median(key: str) -> float:
        return round(statistics.median(turn[key] for turn in turns), 2)

    def changes_ms(key: str) -> dict[str, float]:
        every = [took for turn in turns for took in turn[key]]
        return {"median": round(statistics.median(every), 1), "longest": round(max(every), 1)}

    record(
        "player",
        {
            "measures": f"medians of {TURNS} turns, each with JupyterLab and a kernel of its own; {N_EVENTS} events, "
            f"posteriors every {HOP_S} s; headless Chromium without a GPU",
            "lab_command_to_open_notebook_s": median("open_s"),
            "keys_to_picture_s": {
                "10 s WAV, first cell of a kernel (imports)": median("clip.wav"),
                "10 s WAV": median("clip2.wav"),
                "30 min WAV": median("half_hour.wav"),
                f"30 min FLAC of {size_mib:.0f} MiB": median("half_hour.flac"),
            },
            "threshold_to_frame_ms": {
                "10 s": changes_ms("clip_threshold_ms"),
                "30 min": changes_ms("half_hour_threshold_ms"),
            },
            "aims": {"picture of 10 s": 2, "picture of 30 min": 5, "threshold_ms": 100, "open_s": 15},
        },
        ("anywidget", "jupyterlab", "playwright"),
        before,
    )


if __name__ == "__main__":
    main()
