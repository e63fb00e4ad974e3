"""Nothing that is read can run, nothing that is named can leave its folder, and no key is kept.

Between the processes of one user, multiprocessing and dask speak in pickles: what they send was never a file, and comes
from nobody else. No file and no answer of a server is ever unpickled.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import pickle
import re
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
import soundfile
import torch
import xarray as xr
from llm_server import Reply, listed, refused, running
from packaging.requirements import Requirement
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.bundles.bundle import load_bundle
from earmark.bundles.detections import Detections, find_recordings
from earmark.bundles.export import export
from earmark.cli import app
from earmark.clip_tables import read_clip_table
from earmark.errors import BrokenPluginError, EarmarkError
from earmark.experiment import PluginRef
from earmark.fetching.downloads import RemoteFile
from earmark.fetching.unpacking import unpack
from earmark.papers import Parameters, output_folder, paper_folder
from earmark.pipeline import run_study
from earmark.plugins import PluginManager, plugins
from earmark.scaffold.project import NewPlugin, write_project
from earmark.study import Job
from earmark.workspace import open_study, synthesized
from earmark_corpora.folder.files import inside
from earmark_corpora.tables import inner_path
from earmark_corpora.tut.layout import path_problem
from earmark_lab.corrections.naming import layer_file
from earmark_labels.llm_store import AnswerStore
from earmark_stores import LocalStore
from earmark_stores.runs import LocalRun

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = [path for folder in ("core", "stores", "plugins") for path in (REPOSITORY / folder).rglob("*.py")]


# No pickle is loaded.


@pytest.fixture
def no_unpickling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way of loading a pickle raises; PyTorch's restricted reader and NumPy's plain one stay."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something is unpickled")

    for name in ("load", "loads", "Unpickler", "_Unpickler", "_load", "_loads"):
        monkeypatch.setattr(pickle, name, refuse)
    load, read_array = torch.load, np.lib.format.read_array

    def only_weights(*arguments, **options):
        assert options.get("weights_only") is True
        return load(*arguments, **options)

    def only_plain(stream, allow_pickle=False, **options):
        assert not allow_pickle
        return read_array(stream, allow_pickle=False, **options)

    monkeypatch.setattr(torch, "load", only_weights)
    monkeypatch.setattr(np.lib.format, "read_array", only_plain)


def test_a_study_is_read_evaluated_and_bundled_without_unpickling(small_study, tmp_path, no_unpickling):
    with pytest.raises(AssertionError, match="unpickled"):  # the fixture does watch
        pickle.loads(pickle.dumps(1))
    study = open_study(REPOSITORY / "paper/partial_labels/table5.toml", profile="smoke", stores=small_study.store.root)
    run_study(study, device="cpu", engine="local")
    job = Job("strong", 0)
    assert study.results()
    assert study.predictions(job.stage, job.seed).load().sizes["clip"] == len(study.clips["test"])
    shelf = study.shelf(job)
    assert shelf.load_weights()[0]
    features = study.store.features(study.feature_address)
    assert features.read(features.clip_ids()[:2]).shape[0] == 2
    export(study, job, tmp_path / "model")
    assert load_bundle(tmp_path / "model").model(study.manager)


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (os.mkdir, (os.environ["BOMB"],))


def test_a_pickle_in_the_place_of_any_file_is_refused_and_never_run(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "it ran"))
    run = LocalStore(tmp_path).run("a")
    run.begin({})
    run.save_state({"w": torch.zeros(1)}, {})
    run.save_weights({"w": torch.zeros(1)}, {})
    run.save_predictions("test", xr.Dataset({"p": ("clip", [0.5])}, coords={"clip": ["a"]}))
    for file in [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]:
        file.write_bytes(pickle.dumps(_Bomb()).ljust(file.stat().st_size, b".")[: max(file.stat().st_size, 200)])
    for read in (run.load_state, run.load_weights, run.description, lambda: run.open_predictions("test").load()):
        with pytest.raises(EarmarkError):
            read()
    objects = io.BytesIO()
    np.savez(objects, labels=np.array([[_Bomb()]], dtype=object), clips=np.array(["a"]), events=np.array(["b"]))
    (tmp_path / "table.npz").write_bytes(objects.getvalue())
    with pytest.raises(EarmarkError, match="without running code"):
        read_clip_table(tmp_path / "table.npz")
    assert not (tmp_path / "it ran").exists()


_RUNNERS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}
_LOADERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}


def _dotted(called: ast.AST) -> str:
    if isinstance(called, ast.Attribute):
        return f"{_dotted(called.value)}.{called.attr}"
    return called.id if isinstance(called, ast.Name) else ""


def dangers(tree: ast.AST) -> Iterator[str]:
    """What in a module could run content that it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"imports {name}" for name in names if _LOADERS & set(name.split(".")))
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func)
        watched = {"weights_only", "allow_pickle", "shell"}
        options = {option.arg: ast.unparse(option.value) for option in node.keywords if option.arg in watched}
        if called in _RUNNERS or called.endswith(("read_pickle", "to_pickle")):
            yield f"calls {called}"
        if called == "torch.load" and options.get("weights_only") != "True":
            yield "calls torch.load without weights_only=True"
        if options.get("allow_pickle", "False") != "False" or options.get("shell", "False") != "False":
            yield f"calls {called} with allow_pickle or shell"


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from joblib import load", "eval('1')", "torch.load(p)", "np.load(p, allow_pickle=True)",
     "subprocess.run(c, shell=True)", "yaml.load(t)", "pd.read_pickle(p)"],
)  # fmt: skip
def test_the_look_at_the_sources_sees(source):
    assert list(dangers(ast.parse(source)))


def test_no_source_and_no_notebook_runs_what_it_reads():
    found = {str(path): list(dangers(ast.parse(path.read_text(encoding="utf-8")))) for path in OURS}
    for notebook in REPOSITORY.glob("notebooks/*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        plain = "\n".join(line for text in code for line in text.splitlines() if line.lstrip()[:1] not in "%!")
        found[str(notebook)] = list(dangers(ast.parse(plain)))
    cluster = {str(REPOSITORY / f"plugins/earmark_dask/{name}.py") for name in ("tasks", "worker")}
    for path in cluster & found.keys():  # jobs travel between machines of one cluster, and nothing else
        assert found.pop(path) == ["imports distributed.protocol.pickle"]
    assert {path: said for path, said in found.items() if said} == {}


# No name leaves its folder.

NAMES = ("../x", "a/../../x", "/x", "..", "..\\x", "a\\..\\..\\x", "C:\\x", "C:/x", "\\\\host\\x", "a\0b", "x" * 300)
"""Names from outside that lead elsewhere, on this system or another, or that no disk takes."""


def _member(name: str, root: Path) -> Path:
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        archive.writestr(info, b"x")
    return root / unpack(root / "a.zip", root / "out")[0]


def _run(root: Path) -> LocalRun:
    run = LocalStore(root).run("a")
    if not run.whole:
        run.begin({})
        run.finish({})
    return run


def _tut_path(name: str, root: Path) -> Path:
    path = f"TUT-sound-events-2017-development/audio/street/{name}"
    if problem := path_problem(path, "development", "city_center"):
        raise EarmarkError(problem)
    return root / path


def _scores(name: str, root: Path) -> Path:
    """Posteriors of a recording whose file has the name, if a file can have it."""
    if "/" in name or "\0" in name or name == ".." or len(name) > 255:
        raise EarmarkError("no file has this name")
    prediction = type("P", (), {"events": (), "scene": None, "duration_s": 1.0})()
    prediction.posterior = xr.Dataset({"p": ("frame", [0.5])})
    writer = Detections(root / "out", plugins().build("annotation format", "tsv", {}, "test"), root / "out.zarr")
    (recorded,) = (key for key in find_recordings([Path(name)]))
    writer.add(recorded, prediction)
    writer.finish()
    (group,) = (file.parent for file in (root / "out.zarr").rglob("zarr.json") if file.parent.name == "p")
    return group


DOORS: dict[str, Callable[[str, Path], Path | None]] = {
    "a run's address": lambda name, root: LocalStore(root).run(name).folder,
    "features' address": lambda name, root: LocalStore(root).features(name)._begun,
    "an address to remove": lambda name, root: LocalStore(root).remove(name),
    "an address to lock": lambda name, root: LocalStore(root).lock(name).__enter__(),
    "a part of predictions": lambda name, root: _run(root).has_predictions(name) or None,
    "an evaluation's address": lambda name, root: _run(root).open_evaluation(name),
    "a label layer": lambda name, root: layer_file(name, root),
    "a scene that a language model is asked for": lambda name, root: AnswerStore(root).path(name),
    "a new plugin": lambda name, root: write_project(NewPlugin(name=name, kind="loss"), root),
    "a published file": lambda name, root: root / RemoteFile(url="https://a/b", name=name).path,
    "a published file's folder": lambda name, root: root / RemoteFile(url="https://a/b", name="a", folder=name).path,
    "an archive's member": _member,
    "a path in a list": lambda name, root: root / inner_path(name, "list"),
    "a path in a list of TUT": _tut_path,
    "a path in corpus.toml": lambda name, root: inside(root, name, "corpus.toml"),
    "a paper": lambda name, root: paper_folder(name),
    "a paper's profile": lambda name, root: output_folder("tour", Parameters(profile=name, stores=str(root))),
    "a corpus to synthesise": lambda name, root: synthesized(root, PluginRef(use=name), {}),
    "a download": lambda name, root: root / plugins().build("download", name, {}, "fetch").title,
    "a recording that is predicted": _scores,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_name_from_outside_stays_in_its_folder_or_is_refused(door, tmp_path):
    root = tmp_path / "a" / "b" / "root"
    root.mkdir(parents=True)
    # A description of a published file is code of a plugin, whose mistakes are ValueErrors.
    refusal = ValueError if door.startswith("a published file") else EarmarkError
    for name in NAMES:
        path = None
        with contextlib.suppress(refusal):
            path = DOORS[door](name, root)
        if path is not None:
            assert path.resolve().is_relative_to(root), name
            below = PureWindowsPath(path.relative_to(root).as_posix())
            assert not below.drive, name
            assert not below.root, name
            assert ".." not in below.parts, name
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("**/x")] == []
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["root"]


def test_recordings_of_one_name_are_named_by_a_path_that_leads_nowhere_else(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "a.wav", np.zeros(8), 8000)
    roundabout = [tmp_path / "one" / ".." / ".." / tmp_path.name / folder / "a.wav" for folder in ("one", "two")]
    names = list(find_recordings(roundabout))
    assert len(set(names)) == 2
    assert all(not Path(name).is_absolute() and ".." not in Path(name).parts for name in names)


@pytest.mark.parametrize("name", [*NAMES, "", 3])
def test_a_plugin_cannot_give_a_name_that_leads_elsewhere(name):
    class Hostile:
        @hookimpl
        def earmark_corpora(self):
            return {name: object}

    with pytest.raises(BrokenPluginError, match="letters, digits, blanks"):
        PluginManager().register(Hostile(), "hostile")


@pytest.mark.parametrize("reader", ["../x", "/x", "a\\b"])
def test_a_corpus_reader_is_looked_up_before_any_folder_is(reader, tmp_path):
    options = ["--model", "m", "--corpus", "synthetic", "--reader", reader, "--stores", str(tmp_path)]
    ran = CliRunner().invoke(app, ["label", "partial", *options])
    assert ran.exit_code == 1
    assert "no corpus named" in ran.stderr


def test_what_is_replaced_is_never_a_neighbour(small_study, tmp_path):
    (tmp_path / "model.old").mkdir()
    (tmp_path / "model.old" / "mine").touch()
    (tmp_path / "model.part").mkdir()
    for _ in range(2):
        export(small_study, Job("strong", 0), tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.old", "model.part"]
    assert (tmp_path / "model.old" / "mine").exists()


PARAMETERS = ['a"; import os; os.abort() #', "a'''\"\"\"b", "a\nimport os", "{x}", "\\", "\u2028", "$(id)", "../../x"]


@pytest.mark.parametrize("value", PARAMETERS)
def test_a_parameter_of_a_notebook_is_a_value_whatever_it_holds(value):
    from papermill.translators import PythonTranslator

    source = PythonTranslator.codify(Parameters(corpus=value, profile=value).model_dump())
    assigned = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    assert (assigned["corpus"], assigned["profile"]) == (value, value)


# No key is kept.

KEY = "sk-campaign-0123456789abcdef/+="
SPELT = {
    "as it is": KEY,
    "with escaped slashes": KEY.replace("/", "\\/"),
    "in numbers": "".join(f"\\u{ord(character):04X}" for character in KEY),
    "for an address": KEY.replace("/", "%2f").replace("+", "%2B").replace("=", "%3D"),
    "shortened": f"{KEY[:20]}...",
}


@pytest.mark.parametrize("spelt", SPELT)
def test_a_key_that_a_server_echoes_reaches_no_file_and_no_output(spelt, tmp_path, monkeypatch, caplog, small_study):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    echo = SPELT[spelt]
    inner = f'{{"events": [{{"event": "car", "reason": "your key is {echo}, keep it"}}]}}'
    answer = {"model": echo, "choices": [{"message": {"content": inner}}]}
    by_hand = ["--scenes", "street", "--events", "car,dog", "--stores", str(tmp_path / "stores")]
    with running() as server, caplog.at_level("DEBUG"):
        command = ["label", "partial", "--model", "m", "--base-url", server.url, *by_hand]
        server.script = [Reply(200, answer)]
        ran = [CliRunner().invoke(app, [*command, "--to", str(tmp_path / "mine.csv")])]
        for reply in (refused(f"no model for {echo}", 404), refused(f"wrong {echo}", 401), listed(echo)):
            server.script = [reply]
            ran.append(CliRunner().invoke(app, [*command[:3], "other", *command[4:]]))
    assert [result.exit_code for result in ran] == [0, 1, 1, 1], [result.output for result in ran]
    export(small_study, Job("strong", 0), tmp_path / "model")
    kept = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert any("[key]" in text for text in kept)
    for text in (*kept, *(result.output + repr(result.exception) for result in ran), caplog.text):
        assert KEY[:16] not in text
        assert KEY[-12:] not in text.replace("\\", "")
        assert echo not in text


def test_only_the_labeller_reads_a_variable_whose_name_it_is_told():
    known = {
        "EARMARK_STORES",
        "EARMARK_CACHE",
        "XDG_CACHE_HOME",
        "EARMARK_SAVE_EVERY_S",
        "EARMARK_AUTHOR",
        "EARMARK_SCHEDULER",
        "EARMARK_ENGINE",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "MASTER_ADDR",
        "MASTER_PORT",
        "SERVER_SOFTWARE",
        "JUPYTER_PREFER_ENV_PATH",
    }
    readers = {}
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        said = re.findall(r"os\.environ(?:\.get\(|\[)\s*([^,\])]+)", text)
        unknown = [name for name in said if name.strip("\"'") not in known]
        if unknown or re.search(r"os\.environ(?!\.get\(|\[)", text):
            readers[path.relative_to(REPOSITORY).as_posix()] = unknown
    assert readers.keys() <= {
        "plugins/earmark_labels/llm_endpoint.py",
        "core/earmark/processes.py",  # threads of its workers, by names of its own
        "core/earmark/teams/team.py",  # whether torchrun has started it, by torchrun's names
        "core/earmark/devices.py",  # which of the workers this is, by a name of the engines
        "core/earmark/cli/lab.py",  # hands the environment to JupyterLab
    }
    assert readers["plugins/earmark_labels/llm_endpoint.py"] == ["self.key_variable"]


# What is installed is what was locked.


def test_every_locked_version_has_hashes_and_is_one_that_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert "://" not in lock  # packages and hashes; where they come from is the installer's affair
    blocks = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]
    locked: dict[str, set[str]] = {}
    for block in blocks:
        name, version = re.match(r"([a-z0-9-]+)==([^\s;\\]+)", block).groups()
        locked.setdefault(name, set()).add(version)
        hashes = re.findall(r"--hash=(\w+):([0-9a-f]+)", block)
        assert hashes, name
        assert {(kind, len(digest)) for kind, digest in hashes} == {("sha256", 64)}, name
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        asked = Requirement(line)
        versions = locked[re.sub(r"[-_.]+", "-", asked.name).lower()]
        assert all(asked.specifier.contains(version, prereleases=True) for version in versions), line


def test_everything_that_make_installs_is_held_against_a_hash():
    installs = re.findall(r"pip install (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    ours = [line for line in installs if line.endswith("--no-deps --no-build-isolation --editable .")]
    assert len(ours) == 1
    assert len(installs) > 1
    assert all("--require-hashes --requirement" in line for line in installs if line not in ours)
