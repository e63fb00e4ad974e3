"""Fetches a publication into a folder: brings, checks and unpacks each file, and never does what is done.

A file is in one of four states, each safe to be killed in: partly here (NAME.part), here and checked (NAME),
unpacked (an entry in the ledger), or given up after unpacking (the archive is deleted, the entry stays).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from earmark.errors import FetchError
from earmark.fetching.downloads import Download, RemoteFile, bytes_text
from earmark.fetching.ledger import LEDGER, Entry, Ledger
from earmark.fetching.transfer import Advance, Patience, announced_size, facts_file, transfer
from earmark.fetching.unpacking import unpack

LOCK = ".earmark-fetch.lock"
CHUNK = 2**20
LONG = 2**28
"""Bytes from which reading a file takes long enough to be shown."""


class Watch(Protocol):
    """Who is told what happens; `earmark.progress.Reporter` is one."""

    def say(self, sentence: str) -> None: ...

    def transferring(self, what: str) -> AbstractContextManager[Advance]:
        """A callback for (bytes done, bytes in all or None) of one long piece of work."""
        ...


def fetch(
    download: Download,
    folder: Path,
    watch: Watch,
    *,
    parts: Sequence[str] = (),
    pattern: str | None = None,
    keep_archives: bool = False,
    again: bool = False,
    patience: Patience = Patience(),  # noqa: B008  # frozen
) -> None:
    """Bring everything that is chosen and not yet here.

    Args:
        download: the publication.
        folder: where to; made where it is absent. Several publications may share it.
        watch: told of progress and results.
        parts: only these parts of it.
        pattern: only files whose name or path matches this shell pattern.
        keep_archives: True leaves archives beside what came out of them.
        again: True brings and unpacks also what the ledger calls done.
        patience: when to give up on a server.

    Raises:
        FetchError: something is not at the server, not as published, does not fit the disk, or another process
            is at work in the folder. What came whole before it stays; the next call goes on.
        ArchiveError: an archive is damaged or unsafe.
    """
    files = download.chosen(parts, pattern)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(f"{folder} cannot be made ({error.strerror}). Give another folder with --to.") from error
    with _alone(folder):
        ledger = Ledger(folder)
        wanted = []
        for remote in files:
            if not again and (entry := ledger.find(remote)) and _is_there(remote, entry, folder, watch):
                if entry.unpacked is not None and not keep_archives:
                    (folder / remote.path).unlink(missing_ok=True)  # where a call was killed just before this
            else:
                wanted.append(remote)
        if not wanted:
            watch.say(f"Nothing to do: {'the one file is' if len(files) == 1 else f'all {len(files)} files are'} here.")
            return
        require_room(wanted, folder, keep_archives, lambda remote: announced_size(remote, patience), watch)
        for number, remote in enumerate(wanted, 1):
            place = f"[{number}/{len(wanted)}] "
            _fetch_one(remote, folder, ledger, watch, keep_archives, again, patience, place)


def require_room(
    files: Sequence[RemoteFile],
    folder: Path,
    keep_archives: bool,
    ask_size: Callable[[RemoteFile], int | None],
    watch: Watch,
) -> None:
    """Refuse at once what the disk cannot hold at its fullest.

    That is what is still to come of every file, plus what comes out of the archives (their size times
    `RemoteFile.expansion`), less the archives that are deleted on the way, all but the largest of which are gone
    when that one is unpacked. Before each file and each unpacking the exact numbers are held against the disk again.

    Raises:
        FetchError: it does not fit.
    """
    come, gone, unpacked = 0, [0], 0.0
    for remote in files:
        path = folder / remote.path
        size = path.stat().st_size if path.is_file() else remote.size
        if size is None and (size := ask_size(remote)) is None:
            watch.say(f"{remote.name}: its size is not known, so room for it is not checked beforehand.")
            continue
        here = next((p.stat().st_size for p in (path, _part(path)) if p.is_file()), 0)
        come += max(0, size - here)
        if remote.is_archive:
            unpacked += size * remote.expansion
            gone.append(size)
    need = come + unpacked - (0 if keep_archives else sum(gone) - max(gone))
    free = shutil.disk_usage(folder).free
    if need > free:
        raise FetchError(
            f"{folder}: about {bytes_text(need)} are needed, {bytes_text(free)} are free. Make room, choose a folder "
            "on another disk with --to, or fetch less with --part or --file."
        )


def _fetch_one(
    remote: RemoteFile,
    folder: Path,
    ledger: Ledger,
    watch: Watch,
    keep_archives: bool,
    again: bool,
    patience: Patience,
    place: str,
) -> None:
    path = folder / remote.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() != folder.resolve().joinpath(*remote.folder.split("/")):
        raise FetchError(f"{path.parent} is a link or leads through one; {remote.name} is not written there.")
    recorded = ledger.find(remote)
    if again or not path.is_file():
        part = _part(path)
        with watch.transferring(f"{place}{remote.name}") as advance:
            transfer(remote, part, advance, patience)
        digests = _checked(remote, part, recorded, ledger, watch)
        part.replace(path)
        facts_file(part).unlink(missing_ok=True)
    else:
        watch.say(f"{place}{remote.name}: already in the folder.")
        digests = _checked(remote, path, recorded, ledger, watch)
    n_bytes = path.stat().st_size
    if not remote.is_archive:
        ledger.note(remote, n_bytes, digests, None)
        return
    with watch.transferring(f"{place}Unpacking {remote.name}") as advance:
        members = unpack(path, path.parent, advance)
    ledger.note(remote, n_bytes, digests, members)
    if not keep_archives:
        path.unlink()


def _checked(remote: RemoteFile, path: Path, recorded: Entry | None, ledger: Ledger, watch: Watch) -> dict[str, str]:
    """Digests of a file that came whole, held against those published, or those recorded where none are.

    Raises:
        FetchError: they differ. A part is deleted then; a file that somebody put there is left to them.
    """
    with watch.transferring(f"Checking {remote.name}") if path.stat().st_size >= LONG else _quietly() as advance:
        digests = file_digests(path, tuple(remote.digests) or ("sha256",), advance)
    expected = remote.digests or (recorded.digests if recorded else {})
    for kind, digest in digests.items():
        if expected.get(kind, digest) == digest:
            continue
        source = "published" if remote.digests else f"recorded in {ledger.path} by an earlier call"
        if path.name == remote.name:
            advice = "Move it away, or replace it with --again."
        else:
            path.unlink()
            facts_file(path).unlink(missing_ok=True)
            advice = "It was deleted; call again. If that does not help, the publisher has replaced it" + (
                ": see the homepage." if remote.digests else f": delete {remote.name!r} from {LEDGER} to accept that."
            )
        raise FetchError(f"{remote.name}: its {kind} is {digest}, {source} is {expected[kind]}. {advice}")
    if remote.digests:
        watch.say(f"{remote.name}: {' and '.join(digests)} as published.")
    else:
        compared = "as at the first call" if expected else "recorded for later calls, as none is published"
        watch.say(f"{remote.name}: sha256 {digests['sha256']}, {compared}.")
    return digests


def file_digests(path: Path, kinds: Sequence[str], advance: Advance = lambda done, total: None) -> dict[str, str]:
    """Hexadecimal digests of a file, in one reading.

    >>> file_digests(Path("/dev/null"), ["md5"])
    {'md5': 'd41d8cd98f00b204e9800998ecf8427e'}
    """
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    size = path.stat().st_size
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            for digest in digests.values():
                digest.update(chunk)
            advance(file.tell(), size)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}


def _is_there(remote: RemoteFile, entry: Entry, folder: Path, watch: Watch) -> bool:
    """True if what the ledger says is so, as far as names (of members) or bytes (of files) tell."""
    path = folder / remote.path
    if not remote.is_archive:
        return path.is_file() and file_digests(path, tuple(entry.digests)) == entry.digests
    if entry.unpacked is None:
        return False
    there = sum((path.parent / member).is_file() for member in entry.unpacked)
    if there == 0 and entry.unpacked:
        return False
    if there < len(entry.unpacked):  # moved on purpose perhaps, as the soundbank's own split of DESED does
        watch.say(
            f"{remote.name}: unpacked on {entry.fetched[:10]}; {len(entry.unpacked) - there} of its "
            f"{len(entry.unpacked)} files are no longer there. --again brings them back."
        )
    return True


@contextmanager
def _quietly() -> Iterator[Advance]:
    yield lambda done, total: None


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        raise FetchError(
            f"{folder}: another process is fetching into it. Wait for that one, or give another folder with --to."
        ) from None
    except OSError as error:
        raise FetchError(f"{folder} cannot be written ({error.strerror}). Give another folder with --to.") from error
    try:
        yield
    finally:
        lock.release()
