"""The table of published files, held against what its sources print."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.plugins import plugins
from earmark_corpora.downloads import GROUPS, SETS, published
from earmark_corpora.tut.layout import ANNOTATION_FOLDER, DATASETS, FOLDS, SPLITS, fold_file

EVERY = (*SETS, *GROUPS)


@pytest.mark.parametrize(
    ("name", "record", "n_files", "n_bytes"),
    [
        ("tut-sound-events-2016-development", 45759, 3, 1_014_233_906),
        ("tut-sound-events-2016-evaluation", 996424, 3, 471_183_894),
        ("tut-sound-events-2017-development", 814831, 4, 1_276_082_461),
        ("tut-sound-events-2017-evaluation", 1040179, 3, 388_229_158),
        ("tut-acoustic-scenes-2016-development", 45739, 11, 8_024_320_881),
        ("tut-acoustic-scenes-2016-evaluation", 165995, 5, 2_674_964_567),
        ("tut-acoustic-scenes-2017-development", 400515, 13, 10_700_420_548),
        ("tut-acoustic-scenes-2017-evaluation", 1040168, 6, 3_599_555_434),
        ("tut-urban-acoustic-scenes-2018-development", 1228142, 15, 21_353_171_682),
        ("sins", 1247102, 25, 45_801_046_900),
    ],
)
def test_a_record_of_zenodo_has_the_archives_and_bytes_that_its_source_sums_up(name, record, n_files, n_bytes):
    files = published(name).files
    assert len(files) == n_files
    assert sum(file.size for file in files) == n_bytes
    assert all(file.url == f"https://zenodo.org/records/{record}/files/{file.name}?download=1" for file in files)
    assert all(file.also_at == (f"https://zenodo.org/record/{record}/files/{file.name}?download=1",) for file in files)
    assert all(file.md5 for file in files)


@pytest.mark.parametrize("name", EVERY)
def test_every_address_is_encrypted_and_every_name_stands_once(name):
    files = published(name).files
    for file in files:
        for url in (file.url, *file.also_at):
            assert urlsplit(url).scheme == "https"
    assert len({file.path for file in files}) == len(files)


def test_no_checksum_stands_twice():
    digests = [file.md5 for name in SETS for file in published(name).files if file.md5]
    assert len(digests) == 112
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("name", ["sins", "tut-sound-events-2017-evaluation"])
def test_sizes_known_to_be_rounded_or_stale_are_never_tested(name):
    assert all(file.n_bytes is None and file.about_bytes for file in published(name).files)


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith("tut-")])
def test_sets_divide_into_audio_and_the_rest(name):
    for file in published(name).files:
        assert (file.part == "audio") == (".audio" in file.name)
    if name != "tut-annotations":
        stems = {re.sub(r"\.(doc|meta|error|audio(\.\d+)?)\.zip$", "", file.name) for file in published(name).files}
        assert {stem.lower() for stem in stems} == {name}


def test_the_group_tut_brings_every_set_that_the_reader_knows_and_its_annotations():
    files = published("tut").files
    assert {file.name.partition(".")[0] for file in files if file.is_archive} == set(DATASETS)
    texts = {file.path for file in files if not file.is_archive}
    wanted = {*SPLITS.values(), *(fold_file(fold, split) for fold in FOLDS for split in SPLITS)}
    assert texts == {f"{ANNOTATION_FOLDER}/{path}" for path in wanted}
    # 1,014,233,906 + 471,183,894 + 1,276,082,461 + 388,229,158 + 8,024,320,881 + 2,674,964,567 + 3,599,555,434
    assert sum(file.size for file in files if file.is_archive) == 17_448_570_301


def test_annotations_are_of_one_commit():
    files = published("tut-annotations").files
    commit = "6eb571bbbe6c88e9caaae04274aa6a615e4207ed"
    assert len(files) == 10
    assert all(file.url.split("/")[5] == commit and file.n_bytes and file.md5 for file in files)


def test_panns_brings_the_16_khz_checkpoint_unless_another_is_named():
    panns = published("panns")
    assert [file.name for file in panns.chosen()] == ["Cnn14_16k_mAP=0.438.pth", "class_labels_indices.csv"]
    (named,) = panns.chosen(pattern="Cnn14_mAP*")
    assert named.url == "https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth?download=1"
    assert len(panns.chosen(pattern="*.pth")) == 12
    assert all(file.md5 for file in panns.files)


def test_the_soundbank_has_no_published_checksum_and_desed_adds_its_backgrounds():
    (archive, listed) = published("desed-soundbank").files
    assert (archive.name, archive.size, archive.digests) == ("DESED_synth_soundbank.tar.gz", None, {})
    assert (listed.name, listed.digests) == ("soundbank_validation.tsv", {})
    assert published("desed").files == (archive, listed, *published("sins").files)


@pytest.mark.parametrize("name", EVERY)
def test_every_publication_says_what_it_is_and_under_which_terms(name):
    download = plugins().build("download", name, {}, "test")
    assert download == published(name)
    assert download.title
    assert download.licence.endswith(".")
    assert all(part.startswith("https://") for part in download.homepage.split(", "))


def earmark(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_list_shows_size_and_licence_of_what_can_be_fetched(tmp_path):
    shown = earmark("data", "list", "--stores", tmp_path)
    assert re.search(r"^  musan +11\.1 GB  CC BY 4\.0 for the collection", shown.stdout, re.M)
    assert re.search(r"^  desed-soundbank +unknown size  Creative Commons", shown.stdout, re.M)


def test_a_dry_run_shows_terms_files_and_sizes_and_makes_no_folder(tmp_path):
    shown = earmark("data", "fetch", "tut-sound-events-2016-development", "--dry-run", "--stores", tmp_path / "stores")
    assert shown.exit_code == 0
    assert "Licence: Non-commercial use only" in shown.stdout
    assert "Homepage: https://zenodo.org/records/45759" in shown.stdout
    assert f"To: {tmp_path}/stores/corpora/tut-sound-events-2016-development" in shown.stdout
    assert re.search(r"TUT-sound-events-2016-development.audio.zip +1.0 GB  md5", shown.stdout)
    assert "3 files, 1.0 GB" in shown.stdout
    assert not (tmp_path / "stores").exists()


def test_a_misspelt_name_or_part_is_answered_with_those_that_exist(tmp_path):
    ran = earmark("data", "fetch", "tut-anotations", "--dry-run")
    assert ran.exit_code == 1
    assert "no download named 'tut-anotations'. Did you mean 'tut-annotations'?" in ran.stderr
    ran = earmark("data", "fetch", "musan", "--part", "meta", "--dry-run")
    assert "no part 'meta'. Parts: audio." in ran.stderr


def test_fetch_brings_a_publication_of_a_plugin_and_says_where_it_is(tmp_path, monkeypatch):
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from earmark import hookimpl
    from earmark.fetching.downloads import Download, RemoteFile

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.txt").write_text("text")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    class Plugin:
        @hookimpl
        def earmark_downloads(self):
            file = RemoteFile(url=f"http://127.0.0.1:{server.server_port}/a.txt", name="a.txt")
            give = Download(
                title="Small", homepage="https://example.org", licence="Free.", files=(file,), hint="Look into FOLDER."
            )
            return {"small": lambda: give}

    plugins().register(Plugin(), "small publication")
    try:
        shown = earmark("data", "fetch", "small", "--to", tmp_path / "to")
    finally:
        plugins().unregister("small publication")
        server.shutdown()
        thread.join()
        server.server_close()
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[:3] == ["Small", "Licence: Free.", "Homepage: https://example.org"]
    digest = hashlib.sha256(b"text").hexdigest()
    assert f"a.txt: sha256 {digest}, recorded for later calls" in " ".join(shown.stdout.split())
    assert lines[-2:] == [f"small: {tmp_path}/to", f"Look into {tmp_path}/to."]
    assert (tmp_path / "to" / "a.txt").read_text() == "text"
