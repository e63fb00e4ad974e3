"""Files of a shelf as objects: uploaded under names of their own, and seen once a record names them with checksums."""

from __future__ import annotations

import contextlib
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import filelock

from earmark_stores.checksums import SPOILT
from earmark_stores.disk import (
    FORMAT,
    aside,
    damaged,
    discard,
    file_sizes,
    parsed_json,
    place_folder,
    replace_file,
    writing,
)
from earmark_stores.objects import Objects, in_parallel

FOLDER = "parcels"
"""Below a shelf's key: a folder of objects for each upload, named by chance, so that no upload can touch another."""


class Stored(NamedTuple):
    """A file as an object."""

    key: str
    digest: str
    """BLAKE2b of the content, 32 hexadecimal digits. CRC-32C would not do: files whose chunks end in their own have
    the same one, whatever they hold."""


Files = Mapping[str, Stored]
"""By path within the shelf's folder, with forward slashes."""


def upload(objects: Objects, shelf: str, files: Mapping[str, Path]) -> dict[str, Stored]:
    """Put files below a name that nobody else has; nobody sees them before a manifest names them.

    Args:
        objects: of the store.
        shelf: key of the shelf, such as "runs/3f9a".
        files: where they lie, by their path within the shelf.

    Raises:
        StoreError: the store does not answer, or refuses.
    """
    parcel = f"{shelf}/{FOLDER}/{uuid.uuid4().hex}"

    def one(item: tuple[str, Path]) -> Stored:
        name, path = item
        content = path.read_bytes()
        objects.write(f"{parcel}/{name}", content)
        return Stored(f"{parcel}/{name}", _digest(content))

    return dict(zip(files, in_parallel(one, files.items()), strict=True))


def drop(objects: Objects, files: Files) -> None:
    """Delete the objects of an upload that nothing names."""
    objects.delete(stored.key for stored in files.values())


def manifest(shelf: str, files: Files) -> dict[str, Any]:
    """A record that names files; unlike any other one, as the names of their uploads are drawn by chance."""
    start = len(f"{shelf}/{FOLDER}/")
    named = {name: [key[start:].partition("/")[0], digest] for name, (key, digest) in files.items()}
    return {"format": FORMAT, "files": named}


def read_manifest(objects: Objects, shelf: str, key: str) -> dict[str, Stored] | None:
    """Files that the record at a key names; None where there is none.

    Raises:
        DamageError: it is no manifest, or names what lies outside its shelf.
    """
    raw = objects.read(key)
    if raw is None:
        return None
    where = objects.where(key)
    try:
        files = parsed_json(raw, where, ("files", "crc32c"))["files"]
        stored = {}
        for name, (parcel, digest) in files.items():
            if not re.fullmatch(r"[0-9a-f]{32}", parcel) or not _is_inside(name):
                raise ValueError(f"{name[:100]!r} in {parcel[:100]!r}")
            stored[name] = Stored(f"{shelf}/{FOLDER}/{parcel}/{name}", str(digest))
    except (AttributeError, TypeError, ValueError) as error:
        raise damaged(where, f"does not name files of a shelf ({error})") from error
    return stored


def bring(objects: Objects, root: Path, folder: Path, files: Files) -> None:
    """Make sure that files lie in a folder of the mirror as they were uploaded; what does already is not fetched.

    Args:
        objects: of the store.
        root: of the mirror.
        folder: of the shelf.
        files: of which each can take its place alone.

    Raises:
        DamageError: an object is missing, or is not as it was uploaded.
        StoreError: the store does not answer, or the mirror cannot be written.
    """

    def one(name: str) -> None:
        path, stored = folder / name, files[name]
        if not _is_there(path, stored):
            content = fetched(objects, stored)
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(root, path, content)

    in_parallel(one, files)


def bring_folder(objects: Objects, root: Path, target: Path, files: Files) -> None:
    """As `bring`, for files that only mean something together: the folder holds these and no others.

    Args:
        objects: of the store.
        root: of the mirror.
        target: the folder.
        files: by their path in it.
    """
    if file_sizes(target).keys() == files.keys() and all(_is_there(target / name, files[name]) for name in files):
        return
    with writing(target), aside(root) as whole:

        def one(name: str) -> None:
            content = fetched(objects, files[name])
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            (whole / name).write_bytes(content)

        in_parallel(one, files)
        target.parent.mkdir(parents=True, exist_ok=True)
        place_folder(whole, target, root)


def fetched(objects: Objects, stored: Stored) -> bytes:
    """Content of an object.

    Raises:
        DamageError: it is missing, or is not as it was uploaded.
    """
    content = objects.read(stored.key)
    if content is None:
        raise damaged(objects.where(stored.key), "is missing")
    if _digest(content) != stored.digest:
        raise damaged(objects.where(stored.key), SPOILT)
    return content


@contextlib.contextmanager
def placing(root: Path, address: str) -> Iterator[None]:
    """Be the only one, thread or process, that moves folders of an address in a mirror."""
    path = root / "locks" / f"{address}.mirror"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def settle(begun: Path, whole: Path) -> None:
    """Let what was written in the mirror be the copy of what was uploaded, unless somebody has fetched that already."""
    if whole.exists():
        discard(begun)
    else:
        with writing(whole):
            begun.rename(whole)


def _is_there(path: Path, stored: Stored) -> bool:
    try:
        return _digest(path.read_bytes()) == stored.digest
    except OSError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _is_inside(name: str) -> bool:
    """Whether a path of a file leads into the folder that it is taken from, on every system."""
    path = PurePosixPath(name)
    return (
        not re.search(r"[\\:\x00-\x1f]", name)
        and not path.is_absolute()
        and path.as_posix() == name
        and not {"", ".", ".."} & set(name.split("/"))
    )
