from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import AnnotationError
from earmark.recordings import Clip, Dataset, Event, Recording, cut


def recording(duration_s: float = 25.0, **known) -> Recording:
    return Recording(
        **{"path": "a.wav", "rate_hz": 44100, "channels": 2, "split": "development", **known, "duration_s": duration_s}
    )


def dataset(*recordings: Recording, root: Path = Path("nowhere")) -> Dataset:
    return Dataset(name="x", root=root, synthetic=False, scenes=("home",), events=("car",), recordings=recordings)


def test_the_last_incomplete_clip_is_dropped():
    assert [clip.start_s for clip in cut([recording(29.999)], 10.0)] == [0.0, 10.0]
    assert [clip.start_s for clip in cut([recording(30.0)], 10.0)] == [0.0, 10.0, 20.0]


def test_the_last_clip_may_be_filled_up_instead_and_knows_how_long_it_sounds():
    clips = cut([recording(25.0), recording(20.0)], 10.0, pad=True)
    assert [clip.start_s for clip in clips] == [0, 10, 20, 0, 10]
    assert [clip.sounding_s for clip in clips] == [10, 10, 5, 10, 10]
    assert [clip.duration_s for clip in clips] == [10] * 5


def test_a_recording_of_one_tenth_steps_loses_no_clip_to_rounding():
    assert len(cut([recording(0.1 * 3)], 0.1)) == 3


def test_an_event_across_a_border_is_in_both_clips_cut_at_the_border():
    crossing = recording(events=(Event(9.0, 12.0, "car"),))
    first, second = cut([crossing], 10.0)
    assert first.events == (Event(9.0, 10.0, "car"),)
    assert second.events == (Event(0.0, 2.0, "car"),)


def test_an_event_that_ends_at_a_border_is_not_in_the_next_clip():
    first, second = cut([recording(events=(Event(9.0, 10.0, "car"),))], 10.0)
    assert len(first.events) == 1
    assert second.events == ()


def test_clips_of_equally_named_files_have_different_ids():
    one, other = (Clip(recording=recording(path=f"{year}/105.wav"), start_s=0, duration_s=10) for year in (2016, 2017))
    assert one.id != other.id


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event(2.0, 1.0, "car"), "does not end after it begins"),
        (Event(1.0, 1.0, "car"), "does not end after it begins"),
        (Event(-1.0, 1.0, "car"), "does not end after it begins"),
        (Event(float("nan"), 1.0, "car"), "does not end after it begins"),
        (Event(1.0, 26.0, "car"), "after the recording's end at 25.0 s"),
        (Event(1.0, 2.0, "cat"), "event 'cat' is not in the vocabulary (car)"),
    ],
)
def test_an_impossible_event_is_refused_with_its_file(event, said):
    with pytest.raises(AnnotationError, match=r"nowhere.a\.wav") as error:
        dataset(recording(events=(event,)))
    assert said in str(error.value)


def test_an_unknown_tag_is_refused_as_an_unknown_event_is():
    with pytest.raises(AnnotationError, match="event 'dragon' is not in the vocabulary"):
        dataset(recording(tags=("dragon",)))


def test_an_unknown_scene_is_refused():
    with pytest.raises(AnnotationError, match="scene 'moon' is not among home"):
        dataset(recording(scene="moon"))


def test_the_digest_follows_annotations_and_audio(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"x" * 1000)
    plain = dataset(recording(), root=tmp_path).digest
    assert dataset(recording(), root=tmp_path).digest == plain
    assert dataset(recording(events=(Event(0, 1, "car"),)), root=tmp_path).digest != plain
    assert dataset(recording(events=None), root=tmp_path).digest != plain
    (tmp_path / "a.wav").write_bytes(b"x" * 999 + b"y")
    assert dataset(recording(), root=tmp_path).digest != plain
