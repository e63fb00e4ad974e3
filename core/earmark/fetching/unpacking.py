"""Unpacks a ZIP or tar.gz archive into a folder: whole or not at all, and nowhere else.

Everything goes first into a staging folder inside the target, so on its file system; each member is judged before
a byte of it is written. Only when all of them are there is one after another moved into its place. Whoever is
killed in between calls again: staging is emptied at the start, and a move replaces what an earlier call moved.
"""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from earmark.errors import ArchiveError
from earmark.fetching.downloads import bytes_text

STAGING = ".earmark-unpacking"
"""Folder inside the target that holds what is not whole yet."""

ALLOWED_RATIO = 50
"""Unpacked bytes per packed byte; sound reaches 2, text 20, a bomb 1000."""
ALLOWED_ANYWAY = 64 * 2**20
"""Bytes that any archive may hold, however small it is: tables of zeros are no bomb."""
ALLOWED_MEMBERS = 1_000_000

CHUNK = 2**20

# The last three: names that are no text and sizes below 0, fields cut short, sizes beyond any disk.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, ValueError, struct.error, OverflowError),
)

Advance = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all, None where they are not known."""


def unpack(archive: Path, folder: Path, advance: Advance = lambda done, total: None) -> list[str]:
    """Unpack an archive into a folder, merging with what lies there.

    Args:
        archive: ends in .zip, .tar.gz or .tgz.
        folder: the target; made where it is absent.
        advance: called with unpacked bytes and, for ZIP, their total.

    Returns:
        Paths of its files below the folder, in the archive's order.

    Raises:
        ArchiveError: it is damaged, does not fit the disk, holds anything but files and folders, or would write
            outside the folder, over itself or through a link. Nothing has been moved then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    staging = root / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    gate = _Gate(archive, root)
    try:
        reader = _read_zip if archive.name.endswith(".zip") else _read_tar
        try:
            for path, size, content in reader(archive, gate):
                _write(content, staging / path, size, archive)
                gate.written += size
                advance(gate.written, gate.expected)
        except _DAMAGE as error:
            raise ArchiveError(f"{archive}: damaged ({error}). Delete it and fetch it again.") from error
        except OSError as error:
            raise ArchiveError(
                f"{archive}: unpacking into {folder} stopped: {error.strerror or error}. Nothing was changed there; "
                "make room or mend what the message names, then call again."
            ) from error
        for path in gate.files:
            place = root / path
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                (staging / path).replace(place)
            except OSError as error:
                raise ArchiveError(
                    f"{archive}: {place} cannot be written ({error.strerror or error}). Mend that and call again: "
                    "what was moved before it will be replaced."
                ) from error
        return [str(path) for path in gate.files]
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class _Gate:
    """Judges members by name, kind and size, one after another, knowing those before."""

    def __init__(self, archive: Path, root: Path) -> None:
        self.archive, self.root = archive, root
        self.packed = archive.stat().st_size
        self.files: list[PurePosixPath] = []
        self.expected: int | None = None
        self.written = 0
        self._announced = 0
        self._n_members = 0
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def refuse(self, name: str, why: str) -> ArchiveError:
        return ArchiveError(
            f"{self.archive}: refused, as its member {name!r} {why}. Nothing was unpacked. If the archive comes from "
            "its publisher, tell them; if not, delete it."
        )

    def admit(self, name: str, size: int, *, is_folder: bool) -> PurePosixPath | None:
        """Path of a file that may be written; None for a folder, which its files will make."""
        self._n_members += 1
        if self._n_members > ALLOWED_MEMBERS:
            raise self.refuse(name, f"is beyond the {ALLOWED_MEMBERS} that are allowed")
        path = self._safe(name)
        if not path.parts:  # "./", as tar writes for the folder that was packed
            if is_folder:
                return None
            raise self.refuse(name, "has no name")
        for depth in range(1, len(path.parts)):
            self._enter_folder(name, PurePosixPath(*path.parts[:depth]))
        if is_folder:
            self._enter_folder(name, path)
            return None
        key = _key(path)
        if key in self._files or key in self._folders:
            raise self.refuse(
                name, f"would overwrite {self._files.get(key) or self._folders[key]!r} of the same archive"
            )
        self._files[key] = str(path)
        if (self.root / path).is_dir() or (self.root / path).is_symlink():
            kind = "link" if (self.root / path).is_symlink() else "folder"
            raise self.refuse(name, f"stands where {self.root} has a {kind}")
        self._announced += size
        allowed = ALLOWED_ANYWAY + ALLOWED_RATIO * self.packed
        if self._announced > allowed:
            raise self.refuse(
                name, f"brings it to {bytes_text(self._announced)} from {bytes_text(self.packed)}, as only a bomb does"
            )
        self.files.append(path)
        return path

    def make_room(self, n_bytes: int) -> None:
        """Refuse before the first byte what the disk cannot hold."""
        free = shutil.disk_usage(self.root).free
        if n_bytes > free:
            raise ArchiveError(
                f"{self.archive}: unpacking needs {bytes_text(n_bytes)} in {self.root}, {bytes_text(free)} are free. "
                "Make room there and call again; the archive is kept."
            )

    def _safe(self, name: str) -> PurePosixPath:
        if "\\" in name or re.search(r"[\x00-\x1f]", name):
            raise self.refuse(name, "has a character that no safe name has")
        path = PurePosixPath(name)
        if path.is_absolute() or re.match(r"[A-Za-z]:", name):
            raise self.refuse(name, "has an absolute path")
        if ".." in path.parts:
            raise self.refuse(name, "leads out of the folder")
        if path.parts and path.parts[0].casefold().startswith(".earmark"):
            raise self.refuse(name, "is named like the fetcher's own files")
        return path

    def _enter_folder(self, name: str, path: PurePosixPath) -> None:
        key = _key(path)
        if key in self._files:
            raise self.refuse(name, f"uses the file {self._files[key]!r} of the same archive as a folder")
        if self._folders.setdefault(key, str(path)) != str(path):
            raise self.refuse(name, f"clashes with the folder {self._folders[key]!r} where case does not count")
        place = self.root / path
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise self.refuse(name, f"needs the folder {place}, which is a link or a file")


def _read_zip(archive: Path, gate: _Gate) -> Iterator[tuple[PurePosixPath, int, IO[bytes]]]:
    with zipfile.ZipFile(archive) as opened:
        admitted: list[tuple[PurePosixPath, zipfile.ZipInfo]] = []
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the packer knew no Unix
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise gate.refuse(info.filename, f"is a {_KINDS.get(kind, 'special file')}")
            if info.flag_bits & 0x1:
                raise gate.refuse(info.filename, "is encrypted")
            # `orig_filename` is what the archive says; `filename` has lost what follows a NUL.
            path = gate.admit(info.orig_filename, info.file_size, is_folder=info.is_dir())
            if path is not None:
                admitted.append((path, info))
        gate.expected = sum(info.file_size for _, info in admitted)
        gate.make_room(gate.expected)
        for path, info in admitted:
            with opened.open(info) as content:
                yield path, info.file_size, content


def _read_tar(archive: Path, gate: _Gate) -> Iterator[tuple[PurePosixPath, int, IO[bytes]]]:
    # A tar has no list of contents: to know all members first would be to unpack twice. Staging makes one pass safe.
    with tarfile.open(archive, "r:gz") as opened:
        for info in opened:
            if not (info.isreg() or info.isdir()):
                kind = next((words for test, words in _TAR_KINDS if test(info)), "special file")
                raise gate.refuse(info.name, f"is a {kind}")
            path = gate.admit(info.name, info.size if info.isreg() else 0, is_folder=info.isdir())
            if path is None:
                continue
            gate.make_room(info.size)
            content = opened.extractfile(info)
            assert content is not None
            yield path, info.size, content
        assert opened.fileobj is not None
        for _ in range(64):  # behind the padding stands the checksum of the whole, which no member's read has reached
            if not opened.fileobj.read(CHUNK):
                break


_KINDS = {stat.S_IFLNK: "link", stat.S_IFCHR: "device", stat.S_IFBLK: "device", stat.S_IFIFO: "pipe"}
_TAR_KINDS: tuple[tuple[Callable[[tarfile.TarInfo], bool], str], ...] = (
    (tarfile.TarInfo.issym, "link"),
    (tarfile.TarInfo.islnk, "hard link"),
    (tarfile.TarInfo.isfifo, "pipe"),
    (tarfile.TarInfo.isdev, "device"),
)


def _key(path: PurePosixPath) -> str:
    """One name for all that a disk without case, or with another Unicode form, holds for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _write(content: IO[bytes], place: Path, size: int, archive: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    n_written = 0
    with open(place, "xb") as file:
        while chunk := content.read(CHUNK):
            n_written += len(chunk)
            if n_written > size:
                break
            file.write(chunk)
    if n_written != size:
        raise ArchiveError(f"{archive}: damaged (a member is not of the size announced). Delete it and fetch it again.")
