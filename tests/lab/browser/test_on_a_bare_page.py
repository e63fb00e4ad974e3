"""The player on a page of no notebook: all it needs is a model and an element, as in Notebook 7 and VS Code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from bare_page import mount

from earmark.annotations import EventLists
from earmark.frames import FRAME_RULES, FrameGrid, clip_activity
from earmark.plugins import plugins
from earmark.recordings import Clip, Event, Recording
from earmark_lab.player import Lane, Player, Track, widget
from earmark_lab.player.lanes import quantised
from earmark_lab.player.widget import script

HOP_S = 0.02


@pytest.fixture
def player(tmp_path: Path) -> Player:
    """Ten seconds with a car that is annotated from 2 to 4 s, decided with 0.9, and heard at 6 s with 0.4."""
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "clip.wav", 0.1 * rng.standard_normal(80000), 8000)
    posterior = np.zeros((500, 2))
    posterior[100:200, 0], posterior[300:350, 0] = 0.9, 0.4
    annotated = (Event(2.0, 4.0, "car"),)
    lanes = [
        Lane("annotated", annotated),
        Lane("corrected", annotated, editable=True),
        Lane("net", track=Track(posterior, ("car", "bird"), HOP_S)),
    ]
    return Player(tmp_path / "clip.wav", lanes, scenes={"net": {"office": 0.8, "home": 0.2}}, notes=["A note."])


def counts(page: Any, event: str = "car", id: str = "player") -> list[str]:
    """What the table says of the lane "net": events, frames."""
    row = page.locator(f"#{id} tr", has=page.locator(f"input[data-event='{event}']"))
    return [" ".join(cell.locator("span").all_inner_texts()) for cell in row.locator(".ep-counts").all()[-2:]]


def at(page: Any, time_s: float, y: float, id: str = "player") -> tuple[float, float]:
    box = page.locator(f"#{id} .ep-stage").bounding_box()
    left = min(max(round(box["width"] * 0.2), 84), 150)
    return box["x"] + left + (box["width"] - left - 14) * time_s / 10, box["y"] + y


def corrected_row(page: Any) -> float:
    """Middle of the editable lane's row of "car" below the stage's edge."""
    return float(page.locator(".ep-sound").bounding_box()["height"]) + 22 + 18 + 22 + 9


def drag(page: Any, from_: tuple[float, float], to: tuple[float, float]) -> None:
    page.mouse.move(*from_)
    page.mouse.down()
    page.mouse.move((from_[0] + to[0]) / 2, to[1])
    page.mouse.move(*to)
    page.mouse.up()


def saved(page: Any, name: str, id: str = "player") -> Any:
    return page.evaluate(f"window.models.{id}.saved.{name}")


MOVE = """async (value) => {
  const canvas = document.querySelector(".ep-lanes-canvas");
  const drawn = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.join();
  const slider = document.querySelector("input[data-event='car']");
  const before = drawn();
  const begun = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));  // a task after the painting
  const milliseconds = performance.now() - begun;
  return [milliseconds, drawn() !== before];
}"""


def test_a_threshold_changes_decisions_and_counts_within_100_ms(page: Any, player: Player) -> None:
    mount(page, player)
    assert counts(page) == ["1 0 0", "100 0 0"]
    milliseconds, changed = min(page.evaluate(MOVE, value) for value in (0.3, 0.45, 0.3))
    assert changed
    assert milliseconds < 100
    assert counts(page) == ["1 1 0", "100 50 0"]
    assert saved(page, "thresholds") == {"car": 0.3}
    page.locator("input[data-event='car']").dblclick()
    assert saved(page, "thresholds") == {}
    assert counts(page) == ["1 0 0", "100 0 0"]


def test_a_click_seeks_and_a_drag_loops(page: Any, player: Player) -> None:
    mount(page, player)
    page.mouse.click(*at(page, 7.0, 60))
    assert saved(page, "current_s") == pytest.approx(7.0, abs=0.02)
    drag(page, at(page, 3.0, 60), at(page, 5.0, 70))
    assert saved(page, "selected_s") == pytest.approx([3.0, 5.0], abs=0.02)
    page.keyboard.press("Escape")
    assert saved(page, "selected_s") == []


def test_spans_are_added_moved_resized_relabelled_deleted_and_undone(page: Any, player: Player) -> None:
    mount(page, player)
    y = corrected_row(page)
    drag(page, at(page, 6.0, y), at(page, 7.0, y))
    assert saved(page, "spans")["corrected"][1] == [pytest.approx(6, abs=0.02), pytest.approx(7, abs=0.02), "car"]
    drag(page, at(page, 6.5, y), at(page, 8.5, y))  # its middle: moved
    assert saved(page, "spans")["corrected"][1][:2] == pytest.approx([8, 9], abs=0.04)
    drag(page, at(page, 8.97, y), at(page, 9.47, y))  # its edge: resized
    assert saved(page, "spans")["corrected"][1][:2] == pytest.approx([8, 9.5], abs=0.06)
    page.get_by_label("Event of the span").select_option("bird")
    assert [span[2] for span in saved(page, "spans")["corrected"]] == ["car", "bird"]
    assert page.get_by_label("Show bird").is_checked()  # which had no row before, as nobody had heard one
    page.locator(".ep-stage").focus()
    page.keyboard.press("Delete")
    assert saved(page, "spans") == {"corrected": [[2, 4, "car"]]}
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert [span[2] for span in saved(page, "spans")["corrected"]] == ["car", "car"]
    page.keyboard.press("Control+Shift+z")
    assert [span[2] for span in saved(page, "spans")["corrected"]] == ["car", "bird"]


def test_what_the_pointer_reads_moves_nothing_on_a_narrow_page(page: Any, player: Player) -> None:
    page.set_viewport_size({"width": 620, "height": 900})
    mount(page, player)
    before = page.locator(".ep-stage").bounding_box()
    page.mouse.move(*at(page, 3.0, corrected_row(page)))
    assert "car · 2.00" in page.locator(".ep-readout").inner_text()
    assert page.locator(".ep-stage").bounding_box() == before


def test_an_edited_span_counts_at_once(page: Any, player: Player) -> None:
    mount(page, player)
    y = corrected_row(page)
    drag(page, at(page, 6.0, y), at(page, 7.0, y))
    cells = page.locator("tr", has=page.locator("input[data-event='car']")).locator(".ep-counts")
    assert cells.first.locator("span").all_inner_texts() == ["1", "1", "0"]


def test_lanes_and_events_go_off_and_on(page: Any, player: Player) -> None:
    mount(page, player)
    height = page.locator(".ep-lanes").bounding_box()["height"]
    page.locator(".ep-switch", has_text="net").click()
    assert page.locator(".ep-switch", has_text="net").get_attribute("aria-pressed") == "false"
    assert page.locator(".ep-lanes").bounding_box()["height"] == height - 22 - 30
    page.get_by_label("Show car").uncheck()
    assert page.locator(".ep-lanes").bounding_box()["height"] == 2 * (22 + 18)  # heads, and a line that says so


def test_keys_and_wheel_zoom_and_two_players_leave_each_other_alone(page: Any, player: Player) -> None:
    mount(page, player, "first")
    mount(page, player, "second")
    page.locator("#second .ep-stage").focus()
    page.keyboard.press("End")
    page.keyboard.press("+")
    page.mouse.move(*at(page, 5.0, 60, "second"))
    page.mouse.wheel(0, -120)
    assert saved(page, "current_s", "second") == 10
    assert saved(page, "current_s", "first") is None
    page.mouse.click(*at(page, 0.0, 120, "second"))
    assert 5 < saved(page, "current_s", "second") < 10  # of the part that is in sight now


def test_disposing_leaves_nothing_behind(page: Any, player: Player) -> None:
    mount(page, player)
    page.evaluate("window.disposes.player()")
    assert page.locator(".earmark-player").count() == 0
    assert page.evaluate("Object.values(window.models.player.listeners).flat().length") == 0


def test_a_player_without_sound_says_so_and_shows_the_rest(page: Any, tmp_path: Path) -> None:
    posterior = np.full((500, 1), 0.7)
    moved = Player(tmp_path / "moved.wav", [Lane("net", track=Track(posterior, ("car",), HOP_S))])
    mount(page, moved)
    assert "no such file" in page.locator(".ep-notes").inner_text()
    assert page.locator(".ep-play").is_disabled()
    page.mouse.click(*at(page, 4.0, 60))
    assert saved(page, "current_s") == pytest.approx(4.0, abs=0.02)


def test_a_long_sound_that_cannot_be_sent_is_said(page: Any, player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "WAV_S", 1.0)
    mount(page, Player(player._path, []))
    page.locator(".ep-play").click()
    assert page.locator(".ep-play").inner_text() == "…"
    page.evaluate("window.models.player.set('sound', { error: 'The file went away.' })")
    assert page.locator(".ep-notes").inner_text() == "The file went away."
    assert page.locator(".ep-play").inner_text() == "▶"
    assert page.locator(".ep-play").is_disabled()


def test_the_theme_is_the_pages(page: Any, player: Player) -> None:
    mount(page, player)
    assert page.locator(".earmark-player").get_attribute("data-theme") == "light"
    page.evaluate("document.body.style.background = '#111'")
    page.wait_for_function("document.querySelector('.earmark-player').dataset.theme === 'dark'")


ALL_EVENTS_MS = 250
"""Of 600,000 changes in two million frames of noise; 100 ms are for one event, and on idle cores."""


def test_half_an_hour_of_25_events_is_drawn_soon_and_stays_smooth(page: Any, player: Player) -> None:
    rng = np.random.default_rng(0)
    events = tuple(f"event {index}" for index in range(25))
    track = Track(rng.random((90_000, 25), dtype=np.float32) ** 4, events, HOP_S)
    spans = tuple(Event(float(s), float(s) + 2, events[s % 25]) for s in range(0, 1790, 3))
    long = Player(player._path, [Lane("annotated", spans), Lane("net", track=track)], duration_s=1800.0)
    assert mount(page, long) < 5000
    assert page.evaluate("window.models.player.messages") == [{"kind": "sound"}]
    page.locator(".ep-stage").focus()
    milliseconds = page.evaluate("""async () => {
      const stage = document.querySelector(".ep-stage");
      const begun = performance.now();
      for (let step = 0; step < 10; step++) {
        stage.dispatchEvent(new KeyboardEvent("keydown", { key: step < 5 ? "+" : "-", bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      }
      return (performance.now() - begun) / 10;
    }""")
    assert milliseconds < 100
    milliseconds = page.evaluate("""async () => {
      const slider = document.querySelector('[aria-label="Threshold of all events"]');
      const taken = [];
      for (const threshold of [0.4, 0.6, 0.3, 0.7, 0.5]) {
        const begun = performance.now();
        slider.value = threshold;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        taken.push(performance.now() - begun);
      }
      return taken.sort((a, b) => a - b)[2];
    }""")
    assert milliseconds < ALL_EVENTS_MS


IMPORT = """async (source) => {
  const parts = "framesOf, inTime, countEvents, decided, eachPiece, leastByte, pyramidOf, levelFor, clock";
  const exported = `\\nexport { ${parts} };`;
  window.parts = await import(URL.createObjectURL(new Blob([source + exported], { type: "text/javascript" })));
}"""


def test_decisions_and_counts_are_those_of_earmark(page: Any) -> None:
    """On random spans: frames by both rules, events by the criterion "event" with its defaults."""
    page.evaluate(IMPORT, script())
    rng = np.random.default_rng(4)
    criterion = plugins().build("criterion", "event", {}, "the test")
    for _ in range(12):
        annotated, estimated = (drawn(rng) for _ in range(2))
        pairs = [[[event.onset_s, event.offset_s] for event in events] for events in (annotated, estimated)]
        lists = [
            EventLists(recordings=("a",), durations_s=(10.0,), vocabulary=("car",), events=(events,))
            for events in (annotated, estimated)
        ]
        expected = criterion.count(*lists)
        found = page.evaluate("(pairs) => parts.countEvents(...pairs.map(parts.inTime))", pairs)
        assert found == {name: int(expected[name].sum()) for name in ("tp", "fp", "fn")}
        recording = Recording(
            path="a.wav", duration_s=30.0, rate_hz=8000, channels=1, split="test",
            events=tuple(Event(event.onset_s + 10, event.offset_s + 10, "car") for event in annotated),
        )  # fmt: skip
        clip = Clip(recording=recording, start_s=10.0, duration_s=10.0)
        for rule in FRAME_RULES:
            active = clip_activity([clip], ["car"], FrameGrid(n_frames=500, hop_s=HOP_S), rule)[0, :, 0]
            frames = page.evaluate(
                "([spans, rule]) => [...parts.framesOf(spans, 500, 0.02, rule, 10)]", [pairs[0], rule]
            )
            assert frames == active.astype(int).tolist()


@pytest.mark.parametrize("rule", FRAME_RULES)
def test_an_event_that_crosses_the_clips_borders_has_frames_up_to_them(page: Any, rule: str) -> None:
    page.evaluate(IMPORT, script())
    events = (Event(9.0, 11.0, "car"), Event(18.0, 21.0, "car"))
    recording = Recording(path="a.wav", duration_s=30.0, rate_hz=8000, channels=1, split="test", events=events)
    clip = Clip(recording=recording, start_s=10.0, duration_s=10.0)
    active = clip_activity([clip], ["car"], FrameGrid(n_frames=500, hop_s=HOP_S), rule)[0, :, 0]
    spans = [[event.onset_s, event.offset_s] for event in clip.events]
    frames = page.evaluate("([spans, rule]) => [...parts.framesOf(spans, 500, 0.02, rule, 10)]", [spans, rule])
    assert frames == active.astype(int).tolist()


def drawn(rng: np.random.Generator) -> tuple[Event, ...]:
    """Some spans on a grid of 0.1 s, where differences of exactly the collar are common."""
    edges = sorted(rng.choice(np.arange(1, 100), 24, replace=False).tolist())
    return tuple(Event(on / 10, off / 10, "car") for on, off in zip(edges[::2], edges[1::2], strict=True))


def test_a_byte_decides_as_its_posterior_at_every_multiple_of_a_256th(page: Any) -> None:
    page.evaluate(IMPORT, script())
    posterior = np.array([0.0, 0.1, 0.2499, 0.25, 0.4999, 0.5, 0.75, 1.0])
    for threshold in (0.25, 0.5, 0.75):
        first, end = page.evaluate(
            "([bytes, threshold]) => parts.decided(Uint8Array.from(bytes), parts.leastByte(threshold), null).edges",
            [quantised(posterior).tolist(), threshold],
        )
        active = [int(first <= frame < end) for frame in range(len(posterior))]
        assert active == (posterior >= threshold).astype(int).tolist()


DECIDED = """([bytes, known, from]) => {
  const [values, annotated] = [Uint8Array.from(bytes), known && Uint8Array.from(known)];
  const pieces = [];
  parts.eachPiece({ values, least: 5, annotated }, from, values.length, (...piece) => pieces.push(piece));
  return { ...parts.decided(values, 5, annotated), pieces };
}"""


def test_frames_are_hits_false_alarms_or_missed_and_counted_as_such(page: Any) -> None:
    page.evaluate(IMPORT, script())
    hit, false_alarm, missed = 1, 2, 3
    assert page.evaluate(DECIDED, [[9, 9, 0, 9, 0, 0], [0, 1, 1, 1, 0, 1], 0]) == {
        "edges": [0, 2, 3, 4],
        "pieces": [[0, 1, false_alarm], [1, 2, hit], [2, 3, missed], [3, 4, hit], [5, 6, missed]],
        "counts": {"tp": 2, "fp": 1, "fn": 2},
    }
    from_the_second = page.evaluate(DECIDED, [[9, 9, 0, 9], [0, 1, 1, 1], 1])["pieces"]
    assert from_the_second == [[1, 2, hit], [2, 3, missed], [3, 4, hit]]
    assert page.evaluate(DECIDED, [[9, 9, 0, 9], None, 0])["pieces"] == [[0, 2, hit], [3, 4, hit]]


def test_a_pyramid_keeps_every_peak(page: Any) -> None:
    page.evaluate(IMPORT, script())
    levels = page.evaluate("parts.pyramidOf(Uint8Array.from([1, 9, 2, 3, 4, 8]), 1).map((level) => [...level])")
    assert levels == [[1, 9, 2, 3, 4, 8], [9, 8], [9]]
    assert page.evaluate("[parts.clock(3.2), parts.clock(63.25, 1), parts.clock(3661, 0)]") == [
        "3.200",
        "1:03.3",
        "1:01:01",
    ]
