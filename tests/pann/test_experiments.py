"""The whole way: train the stand-in tagger, label a corpus without events, train on the labels and on the tagger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from filelock import FileLock

from earmark import hookimpl
from earmark.bundles.export import export
from earmark.clip_tables import read_clip_table
from earmark.experiment import experiment_of
from earmark.pipeline import run_study
from earmark.plugins import plugins
from earmark.recordings import Dataset, Recording
from earmark.study import Job
from earmark.workspace import open_study
from earmark_pann.labeller import PannLabeller

TAGGER = Path(__file__).resolve().parents[2] / "paper" / "relation_guided" / "tagger.toml"


@pytest.fixture(scope="module")
def tagger(small_stores, tmp_path_factory) -> Path:
    """The bundle of the smoke profile."""
    small_stores.mkdir(parents=True, exist_ok=True)
    with FileLock(small_stores / "tagger.lock"):
        study = run_study(open_study(TAGGER, profile="smoke", stores=small_stores), device="cpu", engine="local")
    folder = tmp_path_factory.mktemp("tagger") / "bundle"
    export(study, Job("tagger", 0), folder)
    return folder


@pytest.fixture
def places(tmp_path):
    """A corpus of two scenes without any event, by the name of its reader."""
    recordings = []
    for number in range(8):
        path = f"{number}.wav"
        noise = np.random.default_rng(number).normal(0, 0.02, (16_000, 1)).cumsum(0) * (0.01 if number % 2 else 0)
        noise += np.random.default_rng(number + 10).normal(0, 0.01, (16_000, 1))
        soundfile.write(tmp_path / path, np.clip(noise, -1, 1), 16_000)
        recordings.append(
            Recording(
                path=path,
                duration_s=1.0,
                rate_hz=16_000,
                channels=1,
                split="development" if number < 6 else "evaluation",
                scene="tram" if number % 2 else "park",
                events=None,
            )
        )
    dataset = Dataset(
        name="places", root=tmp_path, synthetic=True, scenes=("park", "tram"), events=(), recordings=tuple(recordings)
    )

    class Places:
        @hookimpl
        def earmark_corpora(self):
            return {"places": lambda: type("Reader", (), {"read": lambda self, root: dataset})()}

    plugins().register(Places(), "places")
    yield dataset
    plugins().unregister("places")


def experiment(name: str, **stage):
    return experiment_of(
        {
            "name": name,
            "corpus": "places",
            "clip_s": 1.0,
            "frontend": {"use": "log-mel-pann"},
            "normalise": False,
            "stages": {"one": {"title": "One", "n_epochs": 2, "optimiser": {"use": "adam", "lr": 1e-3}, **stage}},
        }
    )


def done(study_of, corpus, stores):
    study = open_study(study_of, corpus=str(corpus.root), stores=stores)
    return run_study(study, device="cpu", engine="local")


def test_labels_of_the_stand_in_tagger_train_a_net_on_a_corpus_without_events(tagger, places, tmp_path):
    table = PannLabeller(checkpoint=tagger, clip_s=1.0, device="cpu").write_table(places, tmp_path / "labels")
    events = read_clip_table(table).events
    assert {"Speech", "Vehicle"} <= set(events)
    study = done(
        experiment(
            "labels",
            labels=[{"sources": ["scene", {"use": "pann", "table": str(table)}]}],
            model={"use": "cnn14", "channels": [4, 4, 4, 4, 4, 8]},
            losses=[{"use": "weak-bce"}],
        ),
        places,
        tmp_path / "stores",
    )
    predictions = study.predictions("one", 0)
    assert predictions["event_clip_posterior"].dims == ("clip", "event")
    assert tuple(predictions["event"].values) == events


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("hears", ["embedding", "probabilities"])
def test_scenes_are_learnt_from_what_the_tagger_hears(tagger, places, tmp_path, frozen, hears):
    model = {"use": "tagger-scene", "checkpoint": str(tagger / "bundle.json"), "frozen": frozen, "hears": hears}
    study = done(
        experiment("scenes", labels=[{"sources": ["scene"]}], model=model, losses=[{"use": "scene-ce"}]),
        places,
        tmp_path / "stores",
    )
    history = study.histories()["One"][0]
    assert len(history) == 2
    predictions = study.predictions("one", 0)
    assert predictions["scene_posterior"].shape == (2, 2)
    assert predictions.sizes["dim"] == (16 if hears == "embedding" else len(study_events(tagger)))
    if frozen:
        assert history[1]["scene-ce"] < history[0]["scene-ce"]


def study_events(tagger: Path) -> tuple[str, ...]:
    from earmark.bundles.bundle import load_bundle

    return load_bundle(tagger).description.events
