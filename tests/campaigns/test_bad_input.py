"""Broken input of every kind ends in one error for people that names the place and the way out; nothing is lost.

Files are in `broken_files`; here are what reads them, and stores, plugins, bundles and answers of language models.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from broken_files import (
    AUDACITY,
    AUDIO,
    CANDIDATES,
    CORPUS,
    DEEP,
    DURATIONS,
    EXPERIMENT,
    JAMS,
    LONG,
    RAVEN,
    TAR,
    TSV,
    TUT,
    ZIP,
    Content,
    Rows,
    sound,
)
from llm_server import CUT, Reply, listed, refused, running, said

from earmark import hookimpl
from earmark.audio import audio_info, read_clip
from earmark.bundles.bundle import load_bundle, save_bundle
from earmark.clip_tables import ClipTable, read_clip_table
from earmark.errors import EarmarkError
from earmark.evaluation.files import read_durations
from earmark.experiment import read_experiment
from earmark.fetching.ledger import Ledger
from earmark.fetching.unpacking import unpack
from earmark.frames import FrameGrid
from earmark.plugins import PluginManager, plugins
from earmark.recordings import Dataset
from earmark.study import check_plugins
from earmark.testing import small_dataset
from earmark.tuning.description import read_search
from earmark_corpora.folder.corpus import FolderCorpus
from earmark_corpora.tut.annotations import read_lines
from earmark_lab.corrections.layer import CorrectionLayer
from earmark_labels.llm_candidates import LanguageModelCandidates
from earmark_pann.checkpoint import load_checkpoint
from earmark_stores import LocalStore


def annotations(format: str) -> Callable[[Path], object]:
    return lambda path: plugins().build("annotation format", format, {}, "test").read(path)


def heard(path: Path) -> None:
    assert audio_info(path).duration_s > 0
    read_clip(path, 0.0, 1.0, 16_000)


def candidates(path: Path) -> object:
    dataset = small_dataset()
    clips = [SimpleNamespace(id=recording.path, scene=recording.scene) for recording in dataset.recordings]
    source = plugins().build("label source", "partial", {"table": str(path)}, "test")
    return source.label(dataset, clips, FrameGrid(n_frames=1, hop_s=1.0))


def corpus(path: Path) -> object:
    if not (path.parent / "a.wav").exists():
        sound(path.parent / "a.wav")
    return FolderCorpus().read(path.parent)


def experiment(path: Path) -> None:
    described = read_experiment(path, "smoke" if path.is_file() and b"profiles" in path.read_bytes()[:500] else None)
    check_plugins(described, plugins(), str(path))


def unpacked(path: Path) -> object:
    return unpack(path, path.parent / "out")


SEARCH: Rows = {
    "none": ("name = 'x'\n", r"no table \[search\], which says what to search. For example"),
    "an empty space": ('[search]\nstage = "a"\nspace = {}\n', "search: space: .*at least 1"),
    "no such field": ('[search]\nstag = "a"\n', "search: .*stag: no such field. Did you mean 'stage'"),
    "no table": ("search = 3\n", "search: .*valid dictionary"),
}
LEDGER: Rows = {
    "not JSON": ("{", "cannot be read .*Delete it and call again"),
    "brackets in brackets": (DEEP, "cannot be read .*Delete it and call again"),
    "a list": ("[]", "cannot be read .*Delete it and call again"),
    "digests that are none": (
        json.dumps({"files": {"a": {"url": "", "n_bytes": 1, "digests": "md5", "fetched": ""}}}),
        "cannot be read .*Delete it and call again",
    ),
}


def layer(*lines: object) -> str:
    head = {"label_layer": 1, "corpus": "small (synthetic)", "base": "annotations"}
    return "".join(json.dumps(line) + "\n" for line in (head, *lines))


_AT = {"time": "2026-01-01T00:00:00Z", "author": "me"}
_EVENT = {"onset_s": 0.5, "offset_s": 1.5, "label": "car"}
LAYER: Rows = {
    "missing": (None, "no such label layer. Correct labels in the player first"),
    "empty": ("", "not a label layer: it holds no whole line. Name another file"),
    "another file": ("a\tb\n", "line 1: not a label layer: .*Name another file"),
    "another corpus": (layer().replace("small", "large"), "line 1: a layer of the corpus 'large.*or begin another"),
    "a later version": (layer().replace('layer": 1', 'layer": 2'), "version 2; this Earmark reads version 1"),
    "a line that is none": (layer({**_AT, "do": "dance"}), "line 2: do: .*Correct the line, or restore the file"),
    "an edit of another recording": (
        layer({**_AT, "do": "add", "recording": "../x.wav", "to": _EVENT}),
        "line 2: .*has no recording '../x.wav'. .*layer of another copy",
    ),
    "an endless event": (
        layer({**_AT, "do": "add", "recording": "audio/0.wav", "to": {**_EVENT, "offset_s": 1e306}}),
        "line 2: to.offset_s: .*Correct the line",
    ),
    "an undo of nothing": (layer({**_AT, "do": "undo", "line": 7}), "line 2: line 7 is not what me could undo here"),
}


def table(**arrays: object) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


TABLE = ClipTable(clips=("a",), events=("car",), values=np.array([[0.5]])).to_bytes()
CLIP_TABLE: Rows = {
    "missing": (None, "no such table. Make one with `earmark label pann`"),
    "text": ("hello", "not a table of clips and events .*Make it again"),
    "cut": (TABLE[:-40], "not a table of clips and events .*Make it again"),
    "a pickle": (pickle.dumps([1]), "can be read without running code .*Make it again"),
    "objects": (table(labels=np.array([[object]], dtype=object)), "without running code .*Make it again"),
    "other arrays": (table(a=np.zeros(3)), "needed are the arrays clips, events .*Make the table again"),
    "posteriors above 1": (table(posteriors=[[2.0]], clips=["a"], events=["b"]), r"lie in \[0, 1\]. Make the table"),
    "an about that is none": (
        table(posteriors=[[0.5]], clips=["a"], events=["b"], about=DEEP),
        "about is not JSON. Make the table again",
    ),
}
CHECKPOINT: Rows = {
    "missing": (None, "cannot be read .*Fetch it with"),
    "empty": (b"", "not a checkpoint, or a truncated one .*Fetch it with"),
    "text": ("hello", "not a checkpoint, or a truncated one .*Fetch it with"),
    "a pickle that runs": (pickle.dumps(print), "(could run code|not a checkpoint).*Fetch it with"),
    "another net": (lambda path: torch.save({"model": {"w": torch.zeros(1)}}, path), "another net.*Fetch it with"),
    "no weights": (lambda path: torch.save([1], path), "no weights, neither .*Fetch it with"),
}

READERS: dict[str, tuple[str, Callable[[Path], object], Rows]] = {
    "audio": ("a.wav", heard, AUDIO),
    "raw audio": ("a.raw", heard, {"no header": (bytes(1000), "not a readable sound file .*again")}),
    "a label track of Audacity": ("a.txt", annotations("audacity"), AUDACITY),
    "a table of Raven": ("a.selections.txt", annotations("raven"), RAVEN),
    "a table of events": ("a.tsv", annotations("tsv"), TSV),
    "JAMS": ("a.jams", annotations("jams"), JAMS),
    "durations": ("durations.tsv", read_durations, DURATIONS),
    "candidates": ("mine.csv", candidates, CANDIDATES),
    "a folder's description": ("corpus.toml", corpus, CORPUS),
    "annotations of TUT": ("meta.txt", lambda path: read_lines(path, "development"), TUT),
    "an experiment": ("e.toml", experiment, EXPERIMENT),
    "a search": ("e.toml", read_search, SEARCH),
    "a ZIP archive": ("a.zip", unpacked, ZIP),
    "a tar archive": ("a.tar.gz", unpacked, TAR),
    "the fetcher's ledger": (".earmark-fetched.json", lambda path: Ledger(path.parent), LEDGER),
    "a label layer": ("l.jsonl", lambda path: CorrectionLayer.read(path, small_dataset()), LAYER),
    "a table of clips": ("t.npz", read_clip_table, CLIP_TABLE),
    "a checkpoint": ("c.pth", lambda path: load_checkpoint(path, 16_000, torch.zeros(257, 64)), CHECKPOINT),
}
ROWS = [(kind, name) for kind, (_, _, rows) in READERS.items() for name in rows]


def put(path: Path, content: Content) -> None:
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8", newline="")
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content(path)


def listing(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its content."""
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refuses(read: Callable[[], object], place: str, says: str, folder: Path) -> None:
    """One error for people, with the place, the reason and the way out; every file is as it was."""
    before = listing(folder)
    with pytest.raises(EarmarkError) as caught:
        read()
    message = str(caught.value)
    assert type(caught.value) is not EarmarkError
    assert place in message
    assert re.search(says, message, re.DOTALL), message
    assert len(message) < 3000
    assert listing(folder) == before


@pytest.mark.parametrize(("kind", "name"), ROWS, ids=lambda text: text.replace(" ", "-"))
def test_a_broken_file_is_named_with_the_way_out(kind, name, tmp_path):
    file, read, rows = READERS[kind]
    content, says = rows[name]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("kept")
    path = tmp_path / file
    put(path, content)
    if kind == "a folder's description":
        sound(tmp_path / "a.wav")
    refuses(lambda: read(path), file, says, tmp_path)


def test_a_name_too_long_for_the_disk_is_a_file_that_is_not_there(tmp_path):
    path = tmp_path / ("x" * 300 + ".wav")
    for read in (heard, annotations("tsv"), read_durations, read_experiment, read_clip_table):
        with pytest.raises(EarmarkError, match="no such|cannot be read|not a text|not a table"):
            read(path)


# Stores.


@pytest.fixture(scope="module")
def whole_store(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    store = LocalStore(root)
    features = store.features("f")
    features.begin([f"c{row}@0" for row in range(70)], 3, 2, {})
    for piece in features.missing():
        features.write(piece, np.random.default_rng(piece.start).random((len(piece), 3, 2), np.float32))
    features.finish()
    run = store.run("a")
    run.begin({"seed": 0})
    run.save_weights({"w": torch.arange(50.0)}, {"events": ["car"]})
    posterior = np.random.default_rng(0).random((70, 3, 2), np.float32)
    run.save_predictions("test", xr.Dataset({"p": (("clip", "frame", "event"), posterior), "n": 3.0}))
    run.finish({"wall_s": 1.0})
    run.save_evaluation("e", xr.Dataset({"f": 0.5}))
    return root


def flipped(path: Path) -> None:
    """One bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def json_of(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return write


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def read_all(root: Path) -> None:
    """Everything that the store holds."""
    store = LocalStore(root)
    features = store.features("f")
    features.read(features.clip_ids())
    features.statistics(features.clip_ids())
    run = store.run("a")
    run.description(), run.facts(), run.load_weights()
    run.open_predictions("test").load()
    run.open_evaluation("e").load()


MADE_ANEW = "Remove what is damaged .*the next call makes it anew"
FEATURES, RUN = "features/f", "runs/a"
PREDICTIONS = f"{RUN}/predictions-test.zarr"
STORE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a bit of features": (
        f"{FEATURES}/features.zarr/features/c/0/0/0",
        flipped,
        f"checksum does not match.*{MADE_ANEW}",
    ),
    "a bit of the second piece": (f"{FEATURES}/features.zarr/features/c/1/0/0", flipped, f"checksum.*{MADE_ANEW}"),
    "a bit of the statistics": (f"{FEATURES}/features.zarr/total/c/1/0", flipped, f"checksum.*{MADE_ANEW}"),
    "a bit of predictions": (f"{PREDICTIONS}/p/c/0/0/0", flipped, f"checksum does not match.*{MADE_ANEW}"),
    "a bit of a single number": (f"{PREDICTIONS}/n/c", flipped, f"checksum does not match.*{MADE_ANEW}"),
    "a bit of an evaluation": (f"{RUN}/evaluations/e.zarr/f/c", flipped, f"checksum does not match.*{MADE_ANEW}"),
    "a bit of weights": (f"{RUN}/weights.safetensors", flipped, f"(checksum|not a whole safetensors).*{MADE_ANEW}"),
    "a bit of a run's record": (f"{RUN}/run.json", flipped, MADE_ANEW),
    "a bit of a shelf's record": (f"{FEATURES}/shelf.json", flipped, MADE_ANEW),
    "a size in a shelf's record": (
        f"{FEATURES}/shelf.json",
        lambda p: p.write_text(p.read_text().replace('"n_frames": 3', '"n_frames": 2')),
        f"checksum does not match.*{MADE_ANEW}",
    ),
    "a bit of a ledger": (f"{FEATURES}/pieces/000000.json", flipped, MADE_ANEW),
    "a bit of what zarr says": (f"{FEATURES}/features.zarr/total/zarr.json", flipped, f"checksum.*{MADE_ANEW}"),
    "features grown": (f"{FEATURES}/features.zarr/features/c/0/0/0", grown, f"bytes instead of.*{MADE_ANEW}"),
    "features lost": (f"{FEATURES}/features.zarr/features/c/1/0/0", Path.unlink, f"is missing.*{MADE_ANEW}"),
    "a ledger lost": (f"{FEATURES}/pieces/000001.json", Path.unlink, f"cannot be read.*{MADE_ANEW}"),
    "a ledger of nothing": (
        f"{FEATURES}/pieces/000000.json",
        json_of(lambda d: d.pop("files")),
        f"say files.*{MADE_ANEW}",
    ),
    "a shelf without clips": (f"{FEATURES}/shelf.json", json_of(lambda d: d.pop("clips")), f"say clips.*{MADE_ANEW}"),
    "a shelf in brackets": (f"{FEATURES}/shelf.json", lambda p: p.write_text(DEEP), f"not valid JSON.*{MADE_ANEW}"),
    "features of a later format": (
        f"{FEATURES}/shelf.json",
        json_of(lambda d: d.update(format=9)),
        "written in store format 9, .* Use the version",
    ),
    "a run without facts": (f"{RUN}/run.json", json_of(lambda d: d.pop("facts")), f"does not say facts.*{MADE_ANEW}"),
    "a run that is a number": (f"{RUN}/run.json", lambda p: p.write_text(LONG), f"is not .*{MADE_ANEW}"),
    "weights without facts": (f"{RUN}/weights.safetensors", lambda p: p.write_bytes(bytes(16)), MADE_ANEW),
    "predictions without a seal": (
        f"{PREDICTIONS}/zarr.json",
        json_of(lambda d: d["attributes"].clear()),
        f"does not say which files.*{MADE_ANEW}",
    ),
    "a seal of nothing": (
        f"{PREDICTIONS}/zarr.json",
        json_of(lambda d: d["attributes"]["earmark"].update(files=3)),
        f"does not say which files.*{MADE_ANEW}",
    ),
    "metadata of another array": (
        f"{PREDICTIONS}/p/zarr.json",
        lambda p: p.write_bytes(b" " * p.stat().st_size),
        f"checksum does not match.*{MADE_ANEW}",
    ),
}


@pytest.mark.parametrize("name", STORE, ids=lambda text: text.replace(" ", "-"))
def test_a_broken_store_is_named_with_the_way_out(name, whole_store, tmp_path):
    file, spoil, says = STORE[name]
    root = tmp_path / "store"
    shutil.copytree(whole_store, root)
    read_all(root)
    spoil(root / file)
    place = file.removesuffix("/zarr.json") if name in ("predictions without a seal", "a seal of nothing") else file
    place = PREDICTIONS if name == "metadata of another array" else place
    refuses(lambda: read_all(root), str(root / place), says, root)


# Plugins.


def gives(hook: str, names: object) -> object:
    def given():
        return names

    given.__name__ = hook
    return SimpleNamespace(**{hook: hookimpl(given)})


def _untellable(*, option: NoSuchType = 3) -> None:  # noqa: F821  as in a stranger's module
    """A factory whose annotation cannot be resolved."""


def _refusing(*, share: float = 0.5) -> None:
    raise ValueError("share must lie in (0, 1)")


def _loaded(loader: Callable[[], object]) -> None:
    """What comes of an entry point."""
    distribution = SimpleNamespace(name="earmark-strange", version="1")
    manager = PluginManager()
    manager._load(SimpleNamespace(name="strange", dist=distribution, load=loader))
    if manager.broken:
        raise manager.broken["strange"]


def _raises(error: BaseException) -> Callable[[], object]:
    def load() -> object:
        raise error

    return load


MEND = "Mend or uninstall it"
PLUGINS: dict[str, tuple[Callable[[], object], str]] = {
    "does not import": (
        lambda: _loaded(_raises(ImportError("no torch"))),
        f"strange.*does not import .*no torch.*{MEND}",
    ),
    "exits": (lambda: _loaded(_raises(SystemExit(3))), f"strange.*does not import .SystemExit.*{MEND}"),
    "a syntax error": (lambda: _loaded(_raises(SyntaxError("bad"))), f"strange.*does not import .SyntaxError.*{MEND}"),
    "gives nothing": (lambda: _loaded(lambda: gives("earmark_losses", None)), f"strange.*TypeError.*{MEND}"),
    "gives a number": (lambda: _loaded(lambda: gives("earmark_losses", {"a": 3})), f"'a' cannot be called: 3.*{MEND}"),
    "a name with a folder": (lambda: _loaded(lambda: gives("earmark_losses", {"../a": print})), f"'../a'.*{MEND}"),
    "a misspelt hook": (lambda: _loaded(lambda: gives("earmark_lossez", {})), f"earmark_lossez.*{MEND}"),
    "untellable options": (
        lambda: _built(gives("earmark_losses", {"strange": _untellable})),
        f"options of the loss 'strange' cannot be told .*NoSuchType.*{MEND}",
    ),
    "a value that is refused": (
        lambda: _built(gives("earmark_losses", {"strange": _refusing})),
        r"e.toml: losses: loss 'strange': share must lie in \(0, 1\)",
    ),
    "a kind that nobody gives": (
        lambda: _built(gives("earmark_models", {"strange": print})),
        "no loss named 'strange'",
    ),
}


def _built(plugin: object) -> object:
    manager = PluginManager()
    manager.register(plugin, "strange", "earmark-strange", "1")
    return manager.build("loss", "strange", {}, "e.toml: losses")


@pytest.mark.parametrize("name", PLUGINS, ids=lambda text: text.replace(" ", "-"))
def test_a_broken_plugin_is_named_with_the_way_out(name, tmp_path):
    read, says = PLUGINS[name]
    refuses(read, "strange", says, tmp_path)


# Bundles.

DESCRIBED = {
    "name": "small",
    "title": "Small",
    "model": {"use": "mtl-cnn-bigru"},
    "task": {"n_frames": 10, "n_mels": 2, "n_events": 1, "n_scenes": 1},
    "frontend": {"use": "log-mel"},
    "clip_s": 1.0,
    "events": ["car"],
    "scenes": ["street"],
    "normalisation": {"mean": [0.0, 0.0], "std": [1.0, 1.0]},
    "postprocessing": [],
    "about": {},
}
BUNDLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a file lost": ("weights.safetensors", Path.unlink, "not a model bundle .*`earmark train"),
    "a bit of weights": ("weights.safetensors", flipped, "not the weights .*Copy the whole bundle again"),
    "not JSON": ("bundle.json", lambda p: p.write_text("{"), "damaged .*Copy the bundle again"),
    "brackets in brackets": ("bundle.json", lambda p: p.write_text(DEEP), "damaged .*Copy the bundle again"),
    "a later version": ("bundle.json", json_of(lambda d: d.update(format=2)), "of format 2; .*or train it again"),
    "endless clips": ("bundle.json", json_of(lambda d: d.update(clip_s=float("inf"))), "clip_s.*Copy the bundle again"),
    "too few events": (
        "bundle.json",
        json_of(lambda d: d.update(events=[])),
        "events: 0 of them.*Copy the bundle again",
    ),
    "another normalisation": (
        "bundle.json",
        json_of(lambda d: d["normalisation"].update(mean=[0.0])),
        "normalisation.mean: 1 of them, and the model is made for 2.*Copy the bundle again",
    ),
}


@pytest.mark.parametrize("name", BUNDLE, ids=lambda text: text.replace(" ", "-"))
def test_a_broken_bundle_is_named_with_the_way_out(name, tmp_path):
    file, spoil, says = BUNDLE[name]
    save_bundle(tmp_path / "b", {"w": torch.arange(50.0)}, DESCRIBED, "a card")
    assert load_bundle(tmp_path / "b").description.name == "small"
    spoil(tmp_path / "b" / file)
    refuses(lambda: load_bundle(tmp_path / "b"), str(tmp_path / "b"), says, tmp_path)


# Answers of language models.

UNUSABLE = "gave no usable answer in 4 attempts; of the last one: {}.*Try another --model, or write the table"
ANSWERS: dict[str, tuple[Reply, str]] = {
    "empty": (said(""), UNUSABLE.format("it is empty")),
    "nothing": (said(None), UNUSABLE.format("it is empty")),
    "prose": (said("I think that cars are likely."), UNUSABLE.format("these lines do not begin")),
    "a refusal": (said(None, refusal="no"), UNUSABLE.format("it is a refusal")),
    "cut": (said('{"events": [', finish_reason="length"), UNUSABLE.format("it was cut")),
    "half JSON": (said('{"events": ['), UNUSABLE.format("it is not valid JSON")),
    "brackets in brackets": (said(DEEP), UNUSABLE.format("it is not valid JSON")),
    "a number without end": (said(f"[{LONG}]"), UNUSABLE.format("it is not valid JSON")),
    "an unknown event": (listed("tram"), UNUSABLE.format("these names are not in the list")),
    "no list": (said('{"event": "car"}'), UNUSABLE.format('the JSON object has no list "events"')),
    "no name": (said('{"events": [{"reason": "x"}]}'), UNUSABLE.format("an entry has no name")),
    "an empty list": (said('{"events": []}'), UNUSABLE.format("it names no event")),
    "a page": (Reply(200, b"<html>"), "not as an OpenAI-compatible server does. Is --base-url right"),
    "another form": (Reply(200, {"choices": 3}), "not as an OpenAI-compatible server does. Is --base-url right"),
    "choices that are none": (Reply(200, {"choices": [3]}), UNUSABLE.format("it is empty")),
    "no access": (refused("no", 401), r"access is refused \(401\). Set its key in the environment variable"),
    "no such model": (refused("no model", 404), "answers 404 .no model.*Check the model's name"),
    "what it does not take": (refused("bad"), "does not take the request .400. .*Check the model's name"),
    "another place": (Reply(302, b"", Location="http://x/"), "leads on to x .302., which is not followed.*--base-url"),
    "busy for hours": (refused("busy", 429), "5 times. Is the server running, .*Call again later"),
    "broken off": (CUT, "5 times. Is the server running, .*Call again later"),
}


@pytest.mark.parametrize("name", ANSWERS, ids=lambda text: text.replace(" ", "-"))
def test_a_bad_answer_is_named_with_the_way_out(name, tmp_path, monkeypatch):
    monkeypatch.setattr("earmark_labels.llm_endpoint.WAITS_S", (0.0,) * 4)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    reply, says = ANSWERS[name]
    dataset = Dataset(name="x", root=Path(), synthetic=True, scenes=("park", "street"), events=("car",), recordings=())
    with running() as server:
        server.script = [listed("car"), reply]
        labeller = LanguageModelCandidates(model="small", base_url=server.url)
        with pytest.raises(EarmarkError) as caught:
            labeller.write_table(dataset, tmp_path)
        kept = listing(tmp_path)
        assert len(kept) == 1  # the answer for the park, which is not asked for again
        refuses(lambda: labeller.write_table(dataset, tmp_path), server.url, says, tmp_path)
    assert type(caught.value) is not EarmarkError


def test_there_are_enough_kinds():
    assert len(ROWS) + len(STORE) + len(PLUGINS) + len(BUNDLE) + len(ANSWERS) >= 150
