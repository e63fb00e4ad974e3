"""The player in JupyterLab and Notebook 7: drawn, heard and edited as a person would, with a kernel behind it."""

from __future__ import annotations

from typing import Any

import pytest

MAKE = """
import numpy as np, soundfile
from pathlib import Path
from earmark.recordings import Event
from earmark_lab.player import Lane, Player, Track
rng = np.random.default_rng(0)
soundfile.write("clip.wav", 0.1 * rng.standard_normal((80000, 1)), 8000, subtype="PCM_16")
posterior = np.zeros((500, 2))
posterior[100:200, 0] = 0.9
posterior[300:350, 0] = 0.4
annotated = (Event(2.0, 4.0, "car"),)
lanes = [Lane("annotated", annotated), Lane("corrected", annotated, editable=True),
         Lane("net", track=Track(posterior, ("car", "bird"), 0.02))]
player = Player(Path("clip.wav"), lanes, title="a clip")
player
"""


LONG = """
soundfile.write("long.wav", 0.1 * rng.standard_normal((61 * 8000, 1)), 8000, subtype="PCM_16")
Player(Path("long.wav"), [])
"""


@pytest.fixture(scope="module")
def page(open_notebook: Any) -> Any:
    told = ["print(sorted(player.spans['corrected']), player.current_s)", "print(player.thresholds)", LONG]
    opened = open_notebook("player.ipynb", [MAKE, *told])
    run(opened, 0)
    opened.locator(".earmark-player canvas").first.wait_for(timeout=60_000)
    return opened


def run(page: Any, cell: int) -> None:
    """Run a cell to its end."""
    prompt = page.locator(".jp-CodeCell").nth(cell).locator(".jp-InputPrompt").first
    before = prompt.inner_text()
    page.locator(".jp-CodeCell .cm-content").nth(cell).click()
    page.keyboard.press("Control+Enter")
    for earlier in (before, "[*]:"):
        page.wait_for_function(
            "([one, earlier]) => one.innerText !== earlier", arg=[prompt.element_handle(), earlier], timeout=120_000
        )


def said(page: Any, cell: int) -> str:
    """What a cell prints when it is run now."""
    run(page, cell)
    return str(page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output pre").first.inner_text())


def at(page: Any, time_s: float, y: float) -> tuple[float, float]:
    """Where a time of the ten seconds lies on the screen, so far below the player's upper edge."""
    page.locator(".ep-stage").scroll_into_view_if_needed()
    box = page.locator(".ep-stage").bounding_box()
    left = min(max(round(box["width"] * 0.2), 84), 150)
    return box["x"] + left + (box["width"] - left - 14) * time_s / 10, box["y"] + y


def test_it_is_drawn_once_and_as_a_widget(page: Any) -> None:
    assert page.locator(".earmark-player").count() == 1
    assert page.locator(".jp-OutputArea-output img").count() == 0  # the picture is for pages without a kernel
    page.wait_for_function(COLOURS + " > 30", timeout=10_000)


COLOURS = """(() => {
  const canvas = document.querySelector(".ep-sound");
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(bytes.buffer)).size;
})()"""


def test_it_plays(page: Any) -> None:
    page.locator(".ep-play").click()
    page.wait_for_function("document.querySelector('.earmark-player audio').currentTime > 0.2", timeout=10_000)
    page.locator(".ep-play").click()
    assert page.evaluate("document.querySelector('.earmark-player audio').paused")


def test_a_click_seeks_and_the_kernel_knows(page: Any) -> None:
    page.mouse.click(*at(page, 5.0, 60))
    assert page.evaluate("document.querySelector('.earmark-player audio').currentTime") == pytest.approx(5.0, abs=0.02)
    page.wait_for_timeout(100)
    assert float(said(page, 1).split()[-1]) == pytest.approx(5.0, abs=0.02)


def test_a_threshold_counts_anew_and_the_kernel_knows(page: Any) -> None:
    counts = '[aria-label="net, car, frames: {}"]'.format
    assert page.locator(counts("100 hits, 0 false alarms, 0 missed, F 100 %")).count() == 1
    page.locator('[aria-label="Threshold of car"]').evaluate(
        "(at) => { at.value = 0.95; at.dispatchEvent(new Event('input')); at.dispatchEvent(new Event('change')); }"
    )
    assert page.locator(counts("0 hits, 0 false alarms, 100 missed, F 0 %")).count() == 1
    assert said(page, 2).strip() == "{'car': 0.95}"


def test_a_dragged_span_reaches_the_kernel(page: Any) -> None:
    # The row of "car" in the lane "corrected", below the lane "annotated": its head and its one row.
    canvas = page.locator(".ep-sound").bounding_box()["height"]
    y = canvas + 22 + 18 + 22 + 9
    page.mouse.move(*at(page, 6.0, y))
    page.mouse.down()
    page.mouse.move(*at(page, 6.5, y), steps=3)
    page.mouse.move(*at(page, 7.0, y), steps=3)
    page.mouse.up()
    page.wait_for_timeout(100)
    spans = eval(said(page, 1).rsplit("]", 1)[0] + "]")
    assert [span[2] for span in spans] == ["car", "car"]
    assert spans[1][:2] == pytest.approx([6.0, 7.0], abs=0.03)


def test_keys_work_although_jupyterlab_has_its_own(page: Any) -> None:
    page.locator(".ep-stage").focus()
    page.keyboard.press("End")
    page.keyboard.press("l")  # which would number lines
    assert page.locator("button[aria-pressed='true']", has_text="Loop").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    assert page.evaluate("document.querySelector('.earmark-player audio').currentTime") == pytest.approx(10.0, abs=0.02)
    page.wait_for_timeout(100)
    assert said(page, 1).startswith("[[2, 4, 'car']]")


def test_a_long_sound_is_made_aside_and_plays(page: Any) -> None:
    run(page, 3)
    long = page.locator(".jp-CodeCell").nth(3).locator(".earmark-player")
    long.locator(".ep-play").click()
    page.wait_for_function(
        "(player) => player.querySelector('audio').currentTime > 0.1", arg=long.element_handle(), timeout=20_000
    )
    long.locator(".ep-play").click()
