"""Fetching, held against a server on this machine that does what servers do on bad days."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from earmark.errors import ArchiveError, FetchError
from earmark.fetching import fetch as fetching
from earmark.fetching import unpacking
from earmark.fetching.downloads import Download, RemoteFile, bytes_text
from earmark.fetching.fetch import fetch
from earmark.fetching.transfer import Patience

QUICK = Patience(connect_s=2, read_s=0.3, waits_s=(0.01, 0.01))
SOUND = bytes(range(256)) * 4096  # 1 MiB, no two places of 64 KiB + 1 alike


class Server(ThreadingHTTPServer):
    """Serves `files`; for a path in `moods` the next mood of its list decides how."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.moods, self.asked = {}, {}, []
        self.etag, self.served, self.over = '"one"', 0, threading.Event()

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the play

    @property
    def ranges(self):
        return [start for method, _, start in self.asked if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.asked.append((self.command, name, int(wanted[1]) if wanted else 0))
        moods = server.moods.get(name, []) if self.command == "GET" else []
        mood = moods.pop(0) if moods else "good"
        if isinstance(mood, int):
            return self.send_error(mood)
        if mood.startswith("to "):
            self.send_response(302)
            self.send_header("Location", mood.removeprefix("to "))
            return self.end_headers()
        if name not in server.files:
            return self.send_error(404)
        content = server.files[name]
        start = int(wanted[1]) if wanted and mood != "no ranges" else 0
        if self.headers.get("If-Range", server.etag) != server.etag:
            start = 0
        if wanted and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if mood == "wrong range":
            start += 1
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if mood != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", server.etag)
        self.end_headers()
        if self.command == "HEAD":
            return None
        stop = start + (len(content) - start) // 2 if mood in ("cut", "stall") else len(content)
        self.wfile.write(content[start:stop])
        server.served += stop - start
        if mood == "stall":
            self.wfile.flush()
            server.over.wait(10)
        return None

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Watch:
    def __init__(self):
        self.said, self.seen = [], {}

    def say(self, sentence):
        self.said.append(sentence)

    @contextmanager
    def transferring(self, what):
        steps = self.seen.setdefault(what, [])
        yield lambda done, total: steps.append((done, total))


def md5(content):
    return hashlib.md5(content).hexdigest()


def publish(server, name, content, **facts):
    server.files[name] = content
    return RemoteFile(url=server.url(name), name=name, **facts)


def get(folder, *files, **options):
    watch = Watch()
    download = Download(title="Test sounds", homepage="https://example.org", licence="None.", files=files)
    fetch(download, folder, watch, patience=options.pop("patience", QUICK), **options)
    return watch


def zipped(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def left(folder):
    """Files that are not the fetcher's own records."""
    own = (fetching.LEDGER, fetching.LOCK)
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name not in own
    )


def test_a_file_comes_with_its_bytes_and_progress_reaches_its_size(server, tmp_path):
    watch = get(tmp_path, publish(server, "a.wav", SOUND, n_bytes=len(SOUND), md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND
    assert left(tmp_path) == ["a.wav"]
    steps = watch.seen["[1/1] a.wav"]
    assert steps[-1] == (len(SOUND), len(SOUND))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert watch.said == ["a.wav: md5 as published."]


def test_a_cut_connection_goes_on_where_it_broke(server, tmp_path):
    server.moods["a.wav"] = ["cut"]
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND
    first, second = server.ranges
    assert first == 0
    assert len(SOUND) // 2 - 2**16 <= second <= len(SOUND) // 2  # at most one read is lost
    assert server.served <= len(SOUND) + 2**16


def test_a_later_call_goes_on_from_the_part_of_an_earlier_one(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, md5=md5(SOUND))
    server.moods["a.wav"] = ["cut", 503, 503, 503]
    with pytest.raises(FetchError, match="the server answers 503.*kept; call again later to go on"):
        get(tmp_path, remote)
    assert left(tmp_path) == ["a.wav.part", "a.wav.part.json"]
    get(tmp_path, remote)
    assert server.ranges[-1] > 0
    assert left(tmp_path) == ["a.wav"]
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_a_killed_process_goes_on_from_its_part(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, md5=md5(SOUND))
    server.moods["a.wav"] = ["stall"]
    code = (
        "import sys; from pathlib import Path; from earmark.fetching.transfer import transfer; "
        "from earmark.fetching.downloads import RemoteFile; "
        "transfer(RemoteFile(url=sys.argv[1], name='a.wav'), Path(sys.argv[2]))"
    )
    part = tmp_path / "a.wav.part"
    process = subprocess.Popen([sys.executable, "-c", code, remote.url, str(part)])
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > 2**17) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    n_kept = part.stat().st_size
    get(tmp_path, remote)
    assert 2**17 < n_kept < len(SOUND)
    assert server.ranges == [0, n_kept]
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_a_line_that_breaks_often_is_no_failure_as_long_as_the_file_grows(server, tmp_path):
    server.moods["a.wav"] = ["cut", "cut", "cut", "cut"]  # one more than failures in a row are borne
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_a_server_without_ranges_sends_it_whole_again(server, tmp_path):
    server.moods["a.wav"] = ["cut", "no ranges"]
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND
    assert server.served == len(SOUND) // 2 + len(SOUND)


@pytest.mark.parametrize("mood", ["wrong range", 416])
def test_a_server_that_answers_another_range_is_asked_from_the_start(server, tmp_path, mood):
    server.moods["a.wav"] = ["cut", mood]
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND
    assert server.ranges[-1] == 0


def test_a_file_replaced_between_two_calls_is_not_patched_together(server, tmp_path):
    remote = publish(server, "a.wav", SOUND)  # no checksum would tell
    server.moods["a.wav"] = ["cut", 503, 503, 503]
    with pytest.raises(FetchError):
        get(tmp_path, remote)
    server.files["a.wav"], server.etag = SOUND[::-1], '"two"'
    get(tmp_path, remote)
    assert (tmp_path / "a.wav").read_bytes() == SOUND[::-1]


def test_a_part_that_is_whole_already_is_only_checked(server, tmp_path):
    (tmp_path / "a.wav.part").write_bytes(SOUND)
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert server.served == 0  # 416 says that nothing is to come
    assert left(tmp_path) == ["a.wav"]


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    (tmp_path / "a.wav.part").write_bytes(SOUND + b"more")
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_two_server_errors_and_then_the_file(server, tmp_path):
    server.moods["a.wav"] = [500, 500]
    get(tmp_path, publish(server, "a.wav", SOUND, md5=md5(SOUND)))
    assert server.ranges == [0, 0, 0]


def test_a_stalled_server_ends_in_an_error_and_keeps_the_part(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, md5=md5(SOUND))
    server.moods["a.wav"] = ["stall"] * 30
    server.files["a.wav"] = SOUND[: 2**18] + bytes(2**15)  # little is left to come after the first attempts
    with pytest.raises(FetchError, match="no answer, or silence for 0.3 s. .*kept; call again later"):
        get(tmp_path, remote)
    assert (tmp_path / "a.wav.part").stat().st_size > 0


def test_nobody_at_the_address_is_an_error_after_a_few_attempts(server, tmp_path):
    remote = RemoteFile(url="http://127.0.0.1:9/a.wav", name="a.wav")
    with pytest.raises(FetchError, match="a.wav: http://127.0.0.1:9/a.wav: the connection broke"):
        get(tmp_path, remote)


def test_a_missing_file_is_named_with_its_address_and_not_asked_twice(server, tmp_path):
    remote = RemoteFile(url=server.url("gone.wav"), name="gone.wav")
    with pytest.raises(FetchError, match="gone.wav answers 404 Not Found. Has the publisher moved it?"):
        get(tmp_path, remote)
    assert [method for method, _, _ in server.asked] == ["HEAD", "GET"]


def test_the_second_address_serves_where_the_first_has_gone(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, md5=md5(SOUND))
    moved = RemoteFile(url=server.url("records/a.wav"), name="a.wav", also_at=(remote.url,), md5=md5(SOUND))
    get(tmp_path, moved)
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_a_redirect_is_followed(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, md5=md5(SOUND))
    server.moods["old"] = [f"to {remote.url}"]
    get(tmp_path, RemoteFile(url=server.url("old"), name="a.wav", md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_a_redirect_to_a_local_file_is_refused(server, tmp_path):
    server.moods["a.wav"] = ["to file:///etc/hostname"]
    with pytest.raises(FetchError, match="leads to an address that is not fetched"):
        get(tmp_path, publish(server, "a.wav", SOUND, n_bytes=len(SOUND)))
    assert left(tmp_path) == []


def test_a_refusal_is_no_file(server, tmp_path):
    server.moods["a.wav"] = [403]
    with pytest.raises(FetchError, match="answers 403 Forbidden, which is no file"):
        get(tmp_path, publish(server, "a.wav", SOUND, n_bytes=len(SOUND)))


def test_a_wrong_checksum_says_both_and_leaves_nothing(server, tmp_path):
    remote = publish(server, "a.wav", b"forged", md5=md5(b"honest"))
    with pytest.raises(FetchError) as caught:
        get(tmp_path, remote)
    assert str(caught.value) == (
        f"a.wav: its md5 is {md5(b'forged')}, published is {md5(b'honest')}. It was deleted; call again. "
        "If that does not help, the publisher has replaced it: see the homepage."
    )
    assert left(tmp_path) == []


def test_an_archive_of_a_wrong_checksum_is_not_unpacked(server, tmp_path):
    remote = publish(server, "a.zip", zipped({"audio/1.wav": b"sound"}), md5=md5(b"other"))
    with pytest.raises(FetchError, match="its md5 is"):
        get(tmp_path, remote)
    assert left(tmp_path) == []


def test_a_file_of_another_size_is_refused_before_it_comes(server, tmp_path):
    with pytest.raises(FetchError, match=f"offers {len(SOUND)} bytes, published were 7"):
        get(tmp_path, publish(server, "a.wav", SOUND, n_bytes=7))
    assert left(tmp_path) == []


def test_a_size_that_is_only_about_is_never_tested(server, tmp_path):
    get(tmp_path, publish(server, "a.wav", SOUND, about_bytes=7, md5=md5(SOUND)))
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_where_no_checksum_is_known_the_computed_one_is_said_and_recorded(server, tmp_path):
    watch = get(tmp_path, publish(server, "a.wav", b"sound"))
    digest = hashlib.sha256(b"sound").hexdigest()
    assert watch.said == [f"a.wav: sha256 {digest}, recorded for later calls, as none is published."]
    ledger = json.loads((tmp_path / ".earmark-fetched.json").read_text())
    assert ledger["files"]["a.wav"]["digests"] == {"sha256": digest}


def test_a_recorded_checksum_is_held_against_a_later_transfer(server, tmp_path):
    remote = publish(server, "a.wav", b"sound")
    get(tmp_path, remote)
    (tmp_path / "a.wav").unlink()
    assert get(tmp_path, remote).said[0].endswith("as at the first call.")
    (tmp_path / "a.wav").unlink()
    server.files["a.wav"] = b"other"
    with pytest.raises(FetchError, match="recorded in .*fetched.json by an earlier call is .* delete 'a.wav' from"):
        get(tmp_path, remote)
    assert left(tmp_path) == []


def test_a_second_call_asks_the_server_nothing(server, tmp_path):
    files = [
        publish(server, "a.zip", zipped({"audio/1.wav": b"sound"})),
        publish(server, "b.txt", b"text", folder="meta"),
    ]
    get(tmp_path, *files)
    assert left(tmp_path) == ["audio/1.wav", "meta/b.txt"]
    n_asked = len(server.asked)
    assert get(tmp_path, *files).said == ["Nothing to do: all 2 files are here."]
    assert len(server.asked) == n_asked


def test_archives_are_deleted_once_unpacked_or_kept_if_wanted(server, tmp_path):
    remote = publish(server, "a.zip", zipped({"1.wav": b"sound"}))
    get(tmp_path / "kept", remote, keep_archives=True)
    assert left(tmp_path / "kept") == ["1.wav", "a.zip"]
    get(tmp_path / "kept", remote)
    assert left(tmp_path / "kept") == ["1.wav"]


def test_archives_of_one_set_unpack_into_one_folder(server, tmp_path):
    get(
        tmp_path,
        publish(server, "set.audio.zip", zipped({"set/audio/1.wav": b"sound"})),
        publish(server, "set.meta.zip", zipped({"set/meta.txt": b"text"})),
    )
    assert left(tmp_path) == ["set/audio/1.wav", "set/meta.txt"]


def test_data_that_was_deleted_comes_again_and_data_that_was_moved_is_mentioned(server, tmp_path):
    remote = publish(server, "a.zip", zipped({"1.wav": b"one", "2.wav": b"two"}))
    get(tmp_path, remote)
    (tmp_path / "1.wav").unlink()
    watch = get(tmp_path, remote)
    assert re.match(r"a.zip: unpacked on 20\d\d-..-..; 1 of its 2 files are no longer there. --again", watch.said[0])
    get(tmp_path, remote, again=True)
    assert left(tmp_path) == ["1.wav", "2.wav"]
    (tmp_path / "1.wav").unlink()
    (tmp_path / "2.wav").unlink()
    get(tmp_path, remote)
    assert left(tmp_path) == ["1.wav", "2.wav"]


def test_a_file_put_there_by_hand_is_checked_and_not_fetched(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, n_bytes=len(SOUND), md5=md5(SOUND))
    (tmp_path / "a.wav").write_bytes(SOUND)
    assert "already in the folder" in get(tmp_path, remote).said[0]
    assert server.asked == []


def test_a_wrong_file_put_there_by_hand_is_left_alone_and_named(server, tmp_path):
    remote = publish(server, "a.wav", SOUND, n_bytes=len(SOUND), md5=md5(SOUND))
    (tmp_path / "a.wav").write_bytes(b"mine")
    with pytest.raises(FetchError, match="Move it away, or replace it with --again."):
        get(tmp_path, remote)
    assert (tmp_path / "a.wav").read_bytes() == b"mine"
    get(tmp_path, remote, again=True)
    assert (tmp_path / "a.wav").read_bytes() == SOUND


def test_an_unpacking_that_was_killed_is_done_again_and_then_whole(server, tmp_path, monkeypatch):
    remote = publish(server, "a.zip", zipped({f"audio/{n}.wav": bytes([n]) * 9 for n in range(4)}))
    replace = type(tmp_path).replace

    def killed(path, target):
        if path.name == "2.wav":
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(type(tmp_path), "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path, remote)
    monkeypatch.undo()
    assert not (tmp_path / fetching.LEDGER).exists()
    assert (tmp_path / "a.zip").exists()
    (tmp_path / unpacking.STAGING / "audio").mkdir(parents=True)  # as a real kill leaves it
    (tmp_path / unpacking.STAGING / "audio" / "2.wav").write_bytes(b"half")
    n_asked = len(server.asked)
    get(tmp_path, remote)
    assert len(server.asked) == n_asked
    assert left(tmp_path) == [f"audio/{n}.wav" for n in range(4)]
    assert [(tmp_path / f"audio/{n}.wav").read_bytes() for n in range(4)] == [bytes([n]) * 9 for n in range(4)]


def test_an_evil_archive_leaves_the_folder_as_it_was(server, tmp_path):
    remote = publish(server, "a.zip", zipped({"good.wav": b"sound", "../evil.wav": b"sound"}))
    with pytest.raises(ArchiveError, match="'../evil.wav' leads out of the folder"):
        get(tmp_path / "to", remote)
    assert left(tmp_path) == ["to/a.zip"]


Usage = namedtuple("Usage", "total used free")


def test_a_disk_that_is_too_small_is_refused_before_the_first_request(server, tmp_path, monkeypatch):
    # To come: 1000 + 2000 bytes. Unpacked: 1.5 times that. The first archive has gone when the second unpacks.
    files = [
        publish(server, "a.zip", b"", about_bytes=1000, expansion=1.5),
        publish(server, "b.zip", b"", about_bytes=2000, expansion=1.5),
    ]
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**6, 0, 6499))
    with pytest.raises(FetchError, match="about 6.5 kB are needed, 6.5 kB are free. Make room"):
        get(tmp_path, *files)
    assert server.asked == []
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**6, 0, 7499))
    with pytest.raises(FetchError, match="about 7.5 kB are needed"):
        get(tmp_path, *files, keep_archives=True)


def test_a_size_that_nobody_published_is_asked_for(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**6, 0, 1000))
    with pytest.raises(FetchError, match="about 1.0 MB are needed"):
        get(tmp_path, publish(server, "a.wav", SOUND))
    assert [method for method, _, _ in server.asked] == ["HEAD"]


def test_room_is_checked_again_before_unpacking(server, tmp_path, monkeypatch):
    remote = publish(server, "a.zip", zipped({"zeros.wav": bytes(10**6)}))
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**6, 0, 10**5))
    with pytest.raises(ArchiveError, match="unpacking needs 1.0 MB in .* 100.0 kB are free"):
        get(tmp_path, remote)
    assert left(tmp_path) == ["a.zip"]


def test_a_disk_that_fills_up_is_an_error_that_keeps_the_part(server, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    (tmp_path / "a.wav.part").symlink_to("/dev/full")
    with pytest.raises(FetchError, match="No space left on device. What arrived is kept; make room and call again"):
        get(tmp_path, publish(server, "a.wav", SOUND))


def test_two_calls_do_not_work_in_one_folder_at_once(server, tmp_path):
    from filelock import FileLock

    with (
        FileLock(tmp_path / fetching.LOCK),
        pytest.raises(FetchError, match="another process is fetching into it"),
    ):
        get(tmp_path, publish(server, "a.wav", SOUND))


def test_a_damaged_ledger_is_named(server, tmp_path):
    (tmp_path / fetching.LEDGER).write_text('{"files": {"a.wav": {"url')
    with pytest.raises(FetchError, match="fetched.json cannot be read .* Delete it and call again"):
        get(tmp_path, publish(server, "a.wav", SOUND))


def test_a_folder_that_is_a_link_is_not_written_through(server, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to" / "meta").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FetchError, match="is a link or leads through one"):
        get(tmp_path / "to", publish(server, "a.txt", b"text", folder="meta"))
    assert left(tmp_path / "elsewhere") == []


def test_a_target_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match="cannot be made .* Give another folder with --to"):
        get(tmp_path / "file" / "to", publish(server, "a.txt", b"text"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.org/a"},
        {"url": "file:///etc/passwd"},
        {"url": "https://example.org/a", "also_at": ("javascript:1",)},
        {"name": "../a"},
        {"name": ".."},
        {"name": "a\\b"},
        {"name": ".earmark-fetched.json"},
        {"folder": "/etc"},
        {"folder": "a/../.."},
        {"folder": "a//b"},
        {"md5": "ABC"},
        {"sha256": "0" * 63},
    ],
    ids=str,
)
def test_a_description_that_is_unsafe_cannot_be_made(wrong):
    with pytest.raises(ValueError, match="RemoteFile"):
        RemoteFile(**{"url": "https://example.org/a", "name": "a", **wrong})


def test_two_files_of_one_name_cannot_be_published():
    file = RemoteFile(url="https://example.org/a", name="a")
    with pytest.raises(ValueError, match="two files would be written to a"):
        Download(title="t", homepage="h", licence="l", files=(file, file))


def test_parts_and_names_choose_files():
    def remote(name, **facts):
        return RemoteFile(url=f"https://example.org/{name}", name=name, **facts)

    download = Download(
        title="Set",
        homepage="",
        licence="",
        files=(remote("a.wav", part="audio"), remote("b.txt", folder="meta"), remote("c.pth", only_by_name=True)),
    )

    def names(*arguments):
        return [file.name for file in download.chosen(*arguments)]

    assert names() == ["a.wav", "b.txt"]
    assert names(["audio"]) == ["a.wav"]
    assert names([], "*.pth") == ["c.pth"]
    assert names([], "meta/*") == ["b.txt"]
    with pytest.raises(FetchError, match="Set: no part 'audi'. Did you mean 'audio'. Parts: audio, meta."):
        names(["audi"])
    with pytest.raises(FetchError, match="Set: no file matches '\\*.mp3'. Files: a.wav, b.txt, c.pth."):
        names([], "*.mp3")
    with pytest.raises(FetchError, match="Models: files come by name only, with --file. Files: c.pth."):
        Download(title="Models", homepage="", licence="", files=download.files[2:]).chosen()


def test_sizes_read_as_disks_are_sold():
    assert [bytes_text(n) for n in (999, 1000, 44_100_000)] == ["999 B", "1.0 kB", "44.1 MB"]


def test_without_a_terminal_progress_is_a_line_from_time_to_time_and_one_at_the_end(capsys, monkeypatch):
    from earmark import progress

    monkeypatch.setattr(progress, "LINE_EVERY_S", 0)
    with progress.Reporter().transferring("a.wav") as advance:
        advance(500, 2000)
        advance(2000, 2000)
    assert capsys.readouterr().out.splitlines() == [
        "a.wav: 500 B of 2.0 kB, 0 s",
        "a.wav: 2.0 kB of 2.0 kB, 0 s",
        "a.wav: 2.0 kB, 0 s",
    ]
