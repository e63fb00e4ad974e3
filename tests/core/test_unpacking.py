"""Unpacking, held against archives that nobody should trust."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections import namedtuple

import pytest

from earmark.errors import ArchiveError
from earmark.fetching import unpacking
from earmark.fetching.unpacking import unpack

Usage = namedtuple("Usage", "total used free")


def make_zip(path, *members):
    """Each member a name, or a name and content, or a ZipInfo and content."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            name, content = member if isinstance(member, tuple) else (member, b"sound")
            archive.writestr(name, content)
    return path


def make_tar(path, *members):
    """Each member a name, or a TarInfo, whose content is its size in zeros."""
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tar_info(member, size=5)
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def tar_info(name, **facts):
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return info


def zip_info(name, kind):
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    return info


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def target(tmp_path):
    """A folder that holds one file already, beside which nothing may appear."""
    folder = tmp_path / "outer" / "target"
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "old.wav").write_bytes(b"old")
    return folder


BEFORE = ["set", "set/old.wav"]


def refuses(archive, target, sentence):
    with pytest.raises(ArchiveError, match=sentence):
        unpack(archive, target)
    assert left(target) == BEFORE
    assert (target / "set" / "old.wav").read_bytes() == b"old"
    assert left(target.parent) == ["target", *(f"target/{name}" for name in BEFORE)]


@pytest.mark.parametrize(("make", "name"), [(make_zip, "a.zip"), (make_tar, "a.tar.gz"), (make_tar, "a.tgz")])
def test_members_come_to_lie_beside_what_is_there(tmp_path, target, make, name):
    archive = make(tmp_path / name, "set/new.wav", "set/audio/home/1.wav", "other/2.wav")
    steps = []
    members = unpack(archive, target, lambda done, total: steps.append((done, total)))
    assert members == ["set/new.wav", "set/audio/home/1.wav", "other/2.wav"]
    assert all((target / member).stat().st_size == 5 for member in members)
    assert (target / "set" / "old.wav").read_bytes() == b"old"
    assert not (target / unpacking.STAGING).exists()
    assert [done for done, _ in steps] == [5, 10, 15]
    assert {total for _, total in steps} == ({15} if name == "a.zip" else {None})


def test_a_file_of_the_archive_replaces_the_one_of_an_earlier_unpacking(tmp_path, target):
    unpack(make_zip(tmp_path / "a.zip", ("set/old.wav", b"new")), target)
    assert (target / "set" / "old.wav").read_bytes() == b"new"


def test_folders_written_as_members_and_a_leading_dot_are_welcome(tmp_path, target):
    archive = make_tar(tmp_path / "a.tar.gz", tar_info("./", type=tarfile.DIRTYPE), "./set/1.wav")
    assert unpack(archive, target) == ["set/1.wav"]
    archive = make_zip(tmp_path / "a.zip", ("set/", b""), ("set/audio/", b""), "set/audio/1.wav")
    assert unpack(archive, target) == ["set/audio/1.wav"]


@pytest.mark.parametrize(("make", "ending"), [(make_zip, ".zip"), (make_tar, ".tar.gz")])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../evil.wav", "leads out of the folder"),
        ("set/../../evil.wav", "leads out of the folder"),
        ("/tmp/evil.wav", "has an absolute path"),
        ("C:/evil.wav", "has an absolute path"),
        ("..\\evil.wav", "has a character that no safe name has"),
        ("a\nb.wav", "has a character that no safe name has"),
        (".earmark-fetched.json", "is named like the fetcher's own files"),
        (".EARMARK-unpacking/x", "is named like the fetcher's own files"),
    ],
)
def test_a_name_that_leads_elsewhere_refuses_the_whole_archive(tmp_path, target, make, ending, name, sentence):
    refuses(make(tmp_path / f"a{ending}", "good.wav", name), target, sentence)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc"}, "'x' is a link"),
        ({"type": tarfile.SYMTYPE, "linkname": "good.wav"}, "'x' is a link"),
        ({"type": tarfile.LNKTYPE, "linkname": "good.wav"}, "'x' is a hard link"),
        ({"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, "'x' is a device"),
        ({"type": tarfile.BLKTYPE}, "'x' is a device"),
        ({"type": tarfile.FIFOTYPE}, "'x' is a pipe"),
    ],
)
def test_a_tar_with_anything_but_files_and_folders_is_refused(tmp_path, target, facts, sentence):
    refuses(make_tar(tmp_path / "a.tar.gz", "good.wav", tar_info("x", **facts)), target, sentence)


@pytest.mark.parametrize(
    ("kind", "word"), [(stat.S_IFLNK, "link"), (stat.S_IFCHR, "device"), (stat.S_IFSOCK, "special file")]
)
def test_a_zip_with_anything_but_files_and_folders_is_refused(tmp_path, target, kind, word):
    refuses(make_zip(tmp_path / "a.zip", "good.wav", (zip_info("x", kind), b"/etc")), target, f"'x' is a {word}")


def test_a_link_followed_by_a_file_through_it_is_refused(tmp_path, target):
    link = tar_info("set/out", type=tarfile.SYMTYPE, linkname="/tmp")
    refuses(make_tar(tmp_path / "a.tar.gz", link, "set/out/evil.wav"), target, "'set/out' is a link")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("make", "ending"), [(make_zip, ".zip"), (make_tar, ".tar.gz")])
@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("a.wav", "a.wav", "would overwrite 'a.wav' of the same archive"),
        ("a.wav", "A.WAV", "would overwrite 'a.wav' of the same archive"),
        ("caf\u00e9.wav", "cafe\u0301.wav", "would overwrite"),  # one name on a disk that composes letters
        ("a", "a/b.wav", "uses the file 'a' of the same archive as a folder"),
        ("a/b.wav", "a", "would overwrite 'a' of the same archive"),
        ("a/b.wav", "A/c.wav", "clashes with the folder 'a'"),
    ],
)
def test_members_that_are_one_file_on_some_disk_are_refused(tmp_path, target, make, ending, first, second, sentence):
    refuses(make(tmp_path / f"a{ending}", first, second), target, sentence)


def test_a_member_that_stands_where_a_folder_is_is_refused(tmp_path, target):
    refuses(make_zip(tmp_path / "a.zip", "set"), target, "'set' stands where .* has a folder")
    refuses(
        make_zip(tmp_path / "a.zip", "set/old.wav/x"), target, "needs the folder .*old.wav, which is a link or a file"
    )


def test_nothing_is_written_through_a_link_that_lies_in_the_target(tmp_path, target):
    (tmp_path / "elsewhere").mkdir()
    (target / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="needs the folder .*out, which is a link"):
        unpack(make_zip(tmp_path / "a.zip", "out/evil.wav"), target)
    (target / "file.wav").symlink_to(tmp_path / "elsewhere" / "evil.wav")
    with pytest.raises(ArchiveError, match="stands where .* has a link"):
        unpack(make_zip(tmp_path / "a.zip", "file.wav"), target)
    assert left(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_a_bomb_is_refused_by_its_announced_size(tmp_path, target, ending):
    n_bytes = unpacking.ALLOWED_ANYWAY + 2**23  # some 70 MB of zeros in some 70 kB
    if ending == ".zip":
        archive = make_zip(tmp_path / "a.zip", ("zeros.wav", bytes(n_bytes)))
    else:
        archive = make_tar(tmp_path / "a.tar.gz", tar_info("zeros.wav", size=n_bytes))
    assert unpacking.ALLOWED_RATIO * archive.stat().st_size < 2**23
    refuses(archive, target, "brings it to 75.5 MB from [0-9.]+ kB, as only a bomb does")


def test_many_small_members_are_a_bomb_too(tmp_path, target, monkeypatch):
    monkeypatch.setattr(unpacking, "ALLOWED_ANYWAY", 0)
    monkeypatch.setattr(unpacking, "ALLOWED_RATIO", 1)
    refuses(make_zip(tmp_path / "a.zip", *((f"{n}", bytes(1000)) for n in range(9))), target, "as only a bomb does")
    monkeypatch.undo()
    monkeypatch.setattr(unpacking, "ALLOWED_MEMBERS", 3)
    refuses(make_tar(tmp_path / "a.tar.gz", *"abcd"), target, "'d' is beyond the 3 that are allowed")


def test_a_member_larger_than_announced_is_damage(tmp_path, target):
    archive = make_zip(tmp_path / "a.zip", ("a.wav", b"\0" * 999))
    content = archive.read_bytes()
    size = (999).to_bytes(4, "little")
    archive.write_bytes(content.replace(size, (9).to_bytes(4, "little")))  # in the header and the directory
    refuses(archive, target, "damaged")


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize("damage", ["cut", "nothing", "flipped"])
def test_a_damaged_archive_is_named_and_nothing_of_it_stays(tmp_path, target, ending, damage):
    archive = tmp_path / f"a{ending}"
    noise = bytes((n * n) % 251 for n in range(40_000))
    if ending == ".zip":
        with zipfile.ZipFile(archive, "w") as opened:  # stored: only the checksum can tell
            opened.writestr("first.wav", b"sound")
            opened.writestr("second.wav", noise)
    else:
        with tarfile.open(archive, "w:gz") as opened:
            opened.addfile(tar_info("first.wav", size=5), io.BytesIO(b"sound"))
            opened.addfile(tar_info("second.wav", size=len(noise)), io.BytesIO(noise))
    content = bytearray(archive.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    archive.write_bytes({"cut": content[: len(content) // 2], "nothing": b"<html>", "flipped": content}[damage])
    refuses(archive, target, "damaged .*Delete it and fetch it again")


def test_an_encrypted_member_is_refused(tmp_path, target):
    archive = make_zip(tmp_path / "a.zip", "a.wav")
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    refuses(archive, target, "'a.wav' is encrypted")


@pytest.mark.parametrize(("make", "ending"), [(make_zip, ".zip"), (make_tar, ".tar.gz")])
def test_a_disk_too_small_is_refused_and_the_archive_kept(tmp_path, target, monkeypatch, make, ending):
    archive = make(tmp_path / f"a{ending}", "a.wav")
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10, 6, 4))
    refuses(archive, target, "unpacking needs 5 B in .* 4 B are free.* the archive is kept")
    assert archive.exists()


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path, target, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacking, "_write", full)
    refuses(make_zip(tmp_path / "a.zip", "a.wav"), target, "stopped: No space left on device. Nothing was changed")


def test_what_a_killed_call_left_behind_is_not_taken_for_a_member(tmp_path, target):
    (target / unpacking.STAGING / "set").mkdir(parents=True)
    (target / unpacking.STAGING / "set" / "new.wav").write_bytes(b"half")
    unpack(make_zip(tmp_path / "a.zip", "set/new.wav"), target)
    assert left(target) == [*BEFORE[:1], "set/new.wav", "set/old.wav"]
    assert (target / "set" / "new.wav").read_bytes() == b"sound"


def test_modes_of_the_archive_are_not_taken_over(tmp_path, target):
    unpack(make_tar(tmp_path / "a.tar.gz", tar_info("run", size=1, mode=0o4777)), target)
    assert not (target / "run").stat().st_mode & 0o4111
