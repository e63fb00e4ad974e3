"""Label layers on labels that fit on paper, and on the smoke study, whose labels come from the real sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from earmark.errors import StoreError
from earmark.frames import clip_activity
from earmark.recordings import Event
from earmark.study import Job
from earmark.targets import Targets
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.exploring import figures
from earmark_evaluators.exploring.exploration import exploration
from earmark_evaluators.exploring.label_layers import (
    CHANGES,
    allowed,
    change_table,
    changes,
    layers_of_clip,
    refined,
)
from earmark_evaluators.exploring.runs import explorable


def test_labels_allow_strong_before_weak_before_candidates() -> None:
    targets = Targets(
        clips=("a", "b"),
        events=("car", "dog", "fan"),
        scenes=(),
        frame_event=torch.tensor([[[1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]], dtype=torch.bool),
        frame_event_known=torch.tensor([[True, False, False], [False, False, False]]),
        clip_event=torch.tensor([[1, 0, 1], [0, 0, 0]], dtype=torch.bool),
        clip_event_known=torch.tensor([[True, True, False], [False, False, False]]),
        candidate=torch.tensor([[1, 1, 1], [0, 0, 1]], dtype=torch.bool),
        candidate_known=torch.tensor([True, False]),
    )
    # The car by its strong label alone, the dog by its weak one, which denies it, the fan as a candidate.
    assert allowed(targets, 2)[0].tolist() == [[True, False, True], [False, False, True]]
    assert not allowed(targets, 2)[1].any()  # nobody gave that clip's candidates


def test_changes_count_what_was_added_and_removed_right_and_wrong() -> None:
    before = np.array([1, 1, 1, 0, 0, 0], dtype=bool).reshape(1, 6, 1)
    after = np.array([1, 0, 0, 1, 1, 0], dtype=bool).reshape(1, 6, 1)
    truth = np.array([1, 1, 0, 1, 0, 0], dtype=bool).reshape(1, 6, 1)
    counts = {name: int(count[0]) for name, count in changes(before, after, truth).items()}
    assert counts == dict.fromkeys(CHANGES, 1)


def test_refining_is_rebuilt_with_the_clips_and_labels_of_the_training(small_study) -> None:
    found = refined(small_study, Job("semi-partial", 0))
    assert len(found.clips) == round(0.7 * len(small_study.clips["train"]))
    # Candidate sets last as long as the clip; what refining left of them is what the distilling stage is sure of.
    assert (found.before == found.before[:, :1]).all()
    posteriors = small_study.predictions("distillation", 0, "train").sel(clip=[clip.id for clip in found.clips])
    expected = posteriors["event_frame_posterior"].transpose("clip", "frame", "event").values >= 0.2
    np.testing.assert_array_equal(found.after, expected)
    grid, rule = small_study.grid, small_study.experiment.frame_rule
    np.testing.assert_array_equal(found.annotated, clip_activity(found.clips, found.events, grid, rule))


def test_the_table_of_changes_adds_up_to_the_frames_that_differ(small_study) -> None:
    found = refined(small_study, Job("semi-partial", 0))
    table = change_table(found)
    assert int(table[list(CHANGES)].to_numpy().sum()) == int((found.before != found.after).sum())
    assert table[list(CHANGES)].sum(axis=1).is_monotonic_decreasing
    figure = figures.label_changes(table, "semi-partial")
    assert [axes.get_xlabel() for axes in figure.axes] == ["frames added", "frames removed"]
    widths = figure.axes[0].get_gridspec().get_width_ratios()
    frames_per_width = [axes.get_xlim()[1] / width for axes, width in zip(figure.axes, widths, strict=True)]
    assert frames_per_width[0] == pytest.approx(frames_per_width[1])  # one scale
    assert "changed no label" in figures.label_changes(table.iloc[:0], "none").axes[0].texts[0].get_text()


def test_a_stage_whose_labels_nothing_refines_is_named_with_those_that_are(small_study) -> None:
    with pytest.raises(EvaluationError, match="stage 'strong' are used as they are.*refined once: semi-partial"):
        refined(small_study, Job("strong", 0))


def test_without_the_run_that_refines_them_labels_cannot_be_told(small_study) -> None:
    with pytest.raises(StoreError):
        refined(small_study, Job("semi-partial", 7))


def test_the_layers_of_a_clip_are_those_of_every_label_source_and_the_refined_ones(small_study) -> None:
    found = refined(small_study, Job("semi-partial", 0))
    clip = found.clips[0]
    layers, notes = layers_of_clip(small_study, clip, [found])
    assert list(layers) == ["strong", "weak", "pseudo-strong", "partial", "refined (semi-partial)"]
    assert notes == []
    assert layers["strong"] == list(clip.events)
    names = {name: {event.label for event in events} for name, events in layers.items()}
    assert names["weak"] == names["pseudo-strong"]
    assert all(event.onset_s == 0 and event.offset_s == clip.duration_s for event in layers["weak"] + layers["partial"])
    assert names["weak"] <= {event.label for event in clip.events}
    test_clip = small_study.clips["test"][0]
    assert "refined (semi-partial)" not in layers_of_clip(small_study, test_clip, [found])[0]


def test_a_clip_that_nobody_has_annotated_keeps_its_other_layers(small_study) -> None:
    clip = small_study.clips["train"][0]
    unheard = replace(clip, recording=replace(clip.recording, events=None))
    layers, notes = layers_of_clip(small_study, unheard)
    assert "strong" not in layers
    assert layers["partial"]
    assert notes == [f"{clip.id}: nobody has annotated the times of its events."]


def test_a_run_without_posteriors_and_one_not_done_are_said_and_the_rest_usable(small_study, monkeypatch) -> None:
    whole = type(small_study.shelf(Job("strong", 0))).open_predictions

    def without(shelf, part):
        predictions = whole(shelf, part)
        if shelf.address == small_study.run_address(Job("weak", 0)):
            return predictions.drop_vars("event_frame_posterior")
        if shelf.address == small_study.run_address(Job("semi-weak", 0)):
            return predictions.assign_coords(event=[f"{name}s" for name in predictions["event"].values])
        return predictions

    monkeypatch.setattr(type(small_study.shelf(Job("strong", 0))), "open_predictions", without)
    runs, notes = explorable(small_study)
    assert list(runs) == ["Strong MTL", "Strong MTL w/ reduced data", "Semi-MTL w/ partial labels"]
    missing, other = notes
    assert missing.startswith("Weak MTL: The predictions hold no event_frame_posterior")
    assert other.startswith("Semi-MTL w/ weak labels: event_frame_posterior lacks the event")
    explored = exploration(small_study, ("Weak MTL", "Strong MTL", "Strog"))
    assert list(explored.runs) == ["Strong MTL"]
    assert explored.notes[0] == "The experiment has no method 'Strog'. Did you mean 'Strong MTL'?"
    with pytest.raises(
        EvaluationError, match="No run 'Weak MTL' can be explored.*Runs: Strong MTL. .*hold no event_fr"
    ):
        explored.clips("Weak MTL")


def test_runs_of_seeds_that_were_not_asked_for_are_named_and_no_hindrance(small_study) -> None:
    experiment = small_study.experiment.model_copy(update={"seeds": (0, 1)})
    runs, notes = explorable(replace(small_study, experiment=experiment))
    assert list(runs) == list(small_study.experiment.methods.values())
    assert notes == ["Not in the store yet: seed 1. `earmark run` adds what is missing."]


def test_where_no_run_has_been_done_it_is_said_what_makes_them(small_study) -> None:
    experiment = small_study.experiment.model_copy(update={"seeds": (7,)})
    explored = exploration(replace(small_study, experiment=experiment))
    assert explored.runs == {}
    (note,) = explored.notes
    assert note.startswith("No run of this experiment is in the store yet. Say `make demo` for partial_labels")


def test_an_exploration_draws_what_the_notebook_shows(small_study) -> None:
    explored = exploration(small_study)
    first, second, *_ = explored.runs
    assert explored.notes == ()
    assert set(explored.training_clips) == {clip.id for clip in small_study.clips["train"]}
    refined_clips = {clip.id for clip in explored.refined("semi-partial").clips}
    assert set(explored.training_clips[: len(refined_clips)]) == refined_clips
    clips = explored.clips(first)
    assert len(clips) == len(small_study.clips["test"])
    assert set(explored.occurrences(first, clips["clip"][0])["kind"]) <= set(explored.kinds)
    assert explored.layers_figure(explored.training_clips[0]).axes
    assert explored.decisions_figure(clips["clip"][0], (first, second)).axes
    assert list(explored.predictions((first,))) == [first]
    assert set(explored.scenes) == {clip.scene for clip in small_study.clips["test"]}


def test_a_clip_without_events_is_drawn_and_says_so() -> None:
    figure = figures.lanes({"strong": [], "weak": []}, 1.0, "a.wav@0")
    assert figure.axes[0].texts[0].get_text() == "no event in any layer"
    drawn = figures.lanes({"strong": [Event(0.1, 0.2, "car")]}, 1.0, "a.wav@0")
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["car"]
