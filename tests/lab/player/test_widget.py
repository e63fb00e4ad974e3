"""The player's Python side: traitlets, notes, and the picture for pages in which no widget can run."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import xarray as xr

from earmark.errors import CorpusError
from earmark.recordings import Event
from earmark_lab.player import Lane, Player, PlayerError, Track, play_clip, playing, widget

if TYPE_CHECKING:
    from earmark.study import Study

CAR = Event(1.0, 2.0, "car")
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(4 * 8000), 8000, subtype="PCM_16")
    return tmp_path / "a.wav"


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])  # type: ignore[return-value]


def test_a_player_tells_the_page_what_is_to_be_seen(sound: Path) -> None:
    lanes = [Lane("annotated", (CAR,)), Lane("corrected", (CAR,), editable=True)]
    player = Player(sound, lanes, scenes={"net": {"home": 1.0}}, title="a clip", notes=["first"])
    content = player._content
    assert (content["duration_s"], content["reference"], content["events"], content["shown"]) == (
        4,
        0,
        ["car"],
        ["car"],
    )
    assert len(content["level"]["data"]) == 400 * 80
    assert len(content["peaks"]["data"]) == 4000 * 2
    assert content["notes"] == ["first"]
    assert player.spans == {"corrected": [[1.0, 2.0, "car"]]}
    assert (player.sound["type"], len(player.sound["data"])) == ("audio/wav", 44 + 2 * 32000)


def test_a_part_of_a_file_is_shown_and_played(sound: Path) -> None:
    player = Player(sound, [], start_s=1.0, duration_s=2.0)
    assert player._content["duration_s"] == 2
    assert len(player.sound["data"]) == 44 + 2 * 16000
    assert Player(sound, [], start_s=1.0)._content["duration_s"] == 3


def test_a_long_sound_is_sent_when_the_page_asks_for_it(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "WAV_S", 1.0)
    monkeypatch.setattr(playing, "WAV_S", 1.0)
    player = Player(sound, [])
    assert player._content["sound_on_demand"]
    assert player.sound == {}
    for _ in range(2):  # two pages
        player._handle_custom_msg({"kind": "sound"}, [])
    player._encoding.join()
    assert player.sound["type"] == "audio/flac"


def test_a_long_sound_that_went_away_is_said(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "WAV_S", 1.0)
    player = Player(sound, [])
    sound.unlink()
    player._handle_custom_msg({"kind": "sound"}, [])
    player._encoding.join()
    assert player.sound == {"error": f"{sound}: no such file. `earmark data check` says what a corpus lacks."}


def test_the_picture_goes_beside_the_widget(sound: Path) -> None:
    data, _ = Player(sound, [Lane("annotated", (CAR,))])._repr_mimebundle_() or ({}, {})
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert data["text/plain"] == "Player a.wav (4 s) · annotated: 1 span"
    assert size(base64.b64decode(data["image/png"]))[0] == 946


def test_where_nobody_watches_the_picture_is_all_there_is(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "is_watched", lambda: False)
    player = Player(sound, [Lane("annotated", (CAR,))])
    data, _ = player._repr_mimebundle_() or ({}, {})
    assert set(data) == {"image/png", "text/plain"}
    assert len(str(player.get_state())) < 2000  # nbconvert and papermill keep the state in the notebook's file


def test_the_picture_grows_with_its_rows(sound: Path) -> None:
    posterior = np.random.default_rng(0).random((200, 3))
    net = Lane("net", track=Track(posterior, ("car", "bird", "dog"), 0.02), note="of seed 0")
    bare = size(Player(sound, []).static_png())
    full = size(Player(sound, [Lane("annotated", (CAR,)), net], scenes={"net": {"home": 1.0}}).static_png())
    assert bare[0] == full[0]
    assert bare[1] < full[1] < 3 * bare[1]


def test_names_with_dollars_and_underscores_are_no_formulas(sound: Path) -> None:
    odd = Event(1.0, 2.0, "a_{$x$}")
    assert size(Player(sound, [Lane("annotated", (odd,))], title="$a_", notes=["$x^"]).static_png())[0] == 946


def test_a_sound_that_has_moved_is_said_and_the_lanes_are_shown(tmp_path: Path) -> None:
    player = Player(tmp_path / "moved.wav", [Lane("annotated", (CAR,))])
    assert player.notes == (f"{tmp_path / 'moved.wav'}: no such file. `earmark data check` says what a corpus lacks.",)
    assert (player._content["duration_s"], player._content["level"], player.sound) == (2, None, {})
    assert size(player.static_png())[0] == 946


def test_a_file_that_ends_before_the_clip_begins_is_said(sound: Path) -> None:
    player = Player(sound, [], start_s=10.0, duration_s=10.0)
    assert player.notes == (f"{sound}: the file ends before 10 s. Is it another version?",)


def test_a_broken_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"no sound")
    assert "not a readable sound file" in Player(tmp_path / "b.wav", []).notes[0]


def test_two_lanes_of_one_title_and_times_that_cannot_be_are_refused(sound: Path) -> None:
    with pytest.raises(PlayerError, match="several lanes are titled 'a'. Give each a title of its own."):
        Player(sound, [Lane("a"), Lane("a")])
    with pytest.raises(PlayerError, match="start_s = -1.0, duration_s = None; these must be seconds of the file"):
        Player(sound, [], start_s=-1.0)
    with pytest.raises(PlayerError, match="no frame rule named 'middle'; choose one of inner, outer"):
        Player(sound, [], frame_rule="middle")


# Clips of a study


def test_a_clip_of_a_study_is_shown_with_what_methods_make_of_it(small_study: Study) -> None:
    clip = max(small_study.clips["test"], key=lambda clip: len(clip.events))
    job = small_study.jobs()[-1]
    player = play_clip(small_study, clip.id, {"net": small_study.predictions(job.stage, job.seed)})
    content = player._content
    assert [lane["title"] for lane in content["lanes"]] == ["annotated", "net"]
    assert len(content["lanes"][0]["spans"]) == len(clip.events)
    assert content["lanes"][1]["track"]["events"] == list(small_study.dataset.events)
    assert content["scenes"]["annotated"] == {clip.scene: 1.0}
    assert sum(content["scenes"]["net"].values()) == pytest.approx(1, abs=1e-4)
    assert content["frame_rule"] == small_study.experiment.frame_rule
    assert player.notes == ()


def test_an_editable_clip_begins_as_its_annotation_or_as_the_layer_of_that_name(small_study: Study) -> None:
    clip = max(small_study.clips["test"], key=lambda clip: len(clip.events))
    player = play_clip(small_study, clip.id, {}, editable=True)
    assert len(player.spans["corrected"]) == len(clip.events)
    player = play_clip(small_study, clip.id, {}, layers={"weak": [CAR], "corrected": [CAR]}, editable=True)
    assert player.spans == {"corrected": [[1.0, 2.0, "car"]]}
    assert [lane["title"] for lane in player._content["lanes"]] == ["annotated", "corrected", "weak"]


def test_an_unknown_clip_names_close_ones(small_study: Study) -> None:
    known = small_study.clips["test"][0].id
    with pytest.raises(CorpusError, match=rf"no clip '{known}x' among its \d+. Did you mean '{known}'\?"):
        play_clip(small_study, f"{known}x", {})


def test_what_is_wrong_with_predictions_is_said_and_the_rest_shown(small_study: Study) -> None:
    clip = small_study.clips["test"][0]
    frames = np.zeros((1, 4, 2))
    coords = {"clip": [clip.id], "frame": np.arange(4) * 0.5, "event": ["yodel", "car"]}
    methods = {
        "elsewhere": xr.Dataset(coords={"clip": ["other.wav@0"]}),
        "weak": xr.Dataset({"event_clip_posterior": (("clip", "event"), [[0.1, 0.8]])}, {**coords}),
        "seeds": xr.Dataset({"event_frame_posterior": (("seed", "clip", "frame", "event"), frames[None])}, coords),
        "foreign": xr.Dataset({"event_frame_posterior": (("clip", "frame", "event"), frames)}, coords),
    }
    player = play_clip(small_study, clip.id, methods)
    assert [lane["title"] for lane in player._content["lanes"]] == ["annotated", "foreign"]
    assert player._content["lanes"][1]["track"]["hop_s"] == 0.5
    said = " ".join(player.notes)
    assert "elsewhere: no predictions of this clip." in said
    assert "weak: the run gives no posteriors frame by frame. Of the whole clip: car 0.80, yodel 0.10" in said
    assert "seeds: posteriors also run over seed; choose one, as with isel." in said
    assert "foreign: another vocabulary than the corpus, with 1 of 2 events in common" in said
