"""Puts things on the disk so that a name only ever stands for something whole."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.errors import DamageError, StoreError
from earmark_stores.checksums import SPOILT, crc32c, holds

FORMAT = 1
"""Version of the layout of stores; a store of another version is refused."""

_DAY_S = 86_400


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say of every refusal of the disk what was to be written, and the way out.

    Raises:
        StoreError: the disk is full, the store is read-only, or anything else that the system says.
    """
    try:
        yield
    except OSError as error:
        # Windows has no quotas by this name.
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise StoreError(
                f"{target}: the disk is full ({error.strerror}). All that was finished before is kept, nothing "
                "half-written is. Free some space (`earmark runs clean` removes what was never finished) or choose "
                "another folder with `--stores DIR`; the same command then goes on where it stopped."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreError(
                f"{target}: the store cannot be written ({error.strerror}). Change the folder's permissions, or choose "
                "another one with `--stores DIR` or EARMARK_STORES."
            ) from error
        raise StoreError(
            f"{target}: writing failed ({error}). Check the disk, or choose another folder with `--stores DIR` or "
            "EARMARK_STORES; what was finished before is kept."
        ) from error


def damaged(path: Path | str, what: str) -> DamageError:
    """An error for something that is there but cannot be used."""
    return DamageError(
        f"{path}: {what}. The store was changed from outside, or the disk failed. Remove what is damaged "
        f"(delete the folder, or `earmark runs clean` for runs); the next call makes it anew."
    )


def unreadable(path: Path, what: str, error: Exception) -> DamageError:
    """The error for a zarr group or array that zarr cannot read, with the file where a checksum tells it.

    Args:
        path: of the group or array, without shards; written with `checksums.CODEC` or before there was one.
        what: it is, such as "dataset".
        error: what zarr raised.
    """
    if "checksum" in str(error):
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.name != "zarr.json" and not holds(file.read_bytes()):
                return damaged(file, SPOILT)
    return damaged(path, f"is not a readable {what} ({type(error).__name__}: {error})")


def check_format(found: object, path: Path | str) -> None:
    """Refuse what another version of Earmark has written.

    Raises:
        StoreError: with both versions.
    """
    if found != FORMAT:
        raise StoreError(
            f"{path}: written in store format {found}, this version of Earmark reads format {FORMAT}. Use the version "
            "of Earmark that wrote it, or delete the folder to have it made anew."
        )


_in_use: set[str] = set()
"""Names that this process has aside at this moment: a clock that is put forward does not make them old."""


@contextlib.contextmanager
def aside(root: Path) -> Iterator[Path]:
    """A free path on the store's disk for something that is not whole yet; what still lies there goes at the end.

    A killed process leaves its own behind; whoever comes a day later sweeps it away.
    """
    folder = root / "aside"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # swept by another process
            if left.name not in _in_use and time.time() - left.stat().st_mtime > _DAY_S:
                discard(left)
    path = folder / uuid.uuid4().hex
    _in_use.add(path.name)
    try:
        yield path
    finally:
        discard(path)
        _in_use.discard(path.name)


def discard(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def replace_file(root: Path, target: Path, content: bytes) -> None:
    """Write a file in one step: whoever looks sees the old content or the new, also after a power cut.

    Raises:
        StoreError: it cannot be written; the old file is as it was.
    """
    with writing(target), aside(root) as path:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.replace(target)
        sync(target.parent)


def place_folder(path: Path, target: Path, root: Path) -> None:
    """Move a whole folder to its name, in one step where the name is free.

    An older folder of this name is moved out first: for a moment, there is none.
    """
    with aside(root) as old:
        if target.exists():
            target.rename(old)
        for folder, _, names in os.walk(path):
            for name in names:
                sync(Path(folder, name))
        path.rename(target)
        sync(target.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file or folder before going on."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_CHECKSUM = b',\n "crc32c": "'


def to_json(content: Mapping[str, Any]) -> bytes:
    """A record as JSON whose last field is the checksum of what it would be without.

    NaN is written as Python reads it back: the losses of a diverged training are facts too.

    Args:
        content: has fields, and none of the name crc32c.
    """
    return _sealed(json.dumps(content, ensure_ascii=False, indent=1).encode().removesuffix(b"\n}"))


def _sealed(fields: bytes) -> bytes:
    """A record of these fields, which end before the closing brace."""
    return fields + _CHECKSUM + b'%08x"\n}' % crc32c(fields)


def read_json(path: Path, fields: Sequence[str]) -> dict[str, Any]:
    """Read a record that `to_json` made, with these fields and any others; its checksum is none of them.

    Raises:
        StoreError: it is missing, truncated, spoilt, of another format version, or lacks a field.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    return parsed_json(raw, path, fields)


def parsed_json(raw: bytes, path: Path | str, fields: Sequence[str]) -> dict[str, Any]:
    """As `read_json`, of a record that was read already from some path."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise damaged(path, "is not a JSON object")
    check_format(content.get("format"), path)
    if lacking := [field for field in fields if field not in content]:
        raise damaged(path, f"does not say {', '.join(lacking)}")
    # There is none in stores of before there were checksums.
    if content.pop("crc32c", None) is not None and raw != _sealed(raw.rpartition(_CHECKSUM)[0]):
        raise damaged(path, SPOILT)
    return content


def file_sizes(folder: Path) -> dict[str, int]:
    """Size in bytes of every file below a folder, by its path from there with forward slashes."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def file_checksums(folder: Path) -> dict[str, int]:
    """CRC-32C of every file below a folder, by its path from there with forward slashes."""
    return {name: crc32c((folder / name).read_bytes()) for name in file_sizes(folder)}


def check_checksums(folder: Path, checksums: Mapping[str, int]) -> None:
    """Make sure that files are as they were when `file_checksums` read them.

    Raises:
        StoreError: naming the first file that is missing or spoilt.
    """
    for path, _, _ in _changed(folder, checksums, lambda path: crc32c(path.read_bytes())):
        raise damaged(path, SPOILT)


def check_sizes(folder: Path, sizes: Mapping[str, int]) -> None:
    """Make sure that files are there and have their size; zarr itself reads a missing chunk as empty values.

    Raises:
        StoreError: naming the first file that is missing or truncated.
    """
    for path, found, size in _changed(folder, sizes, lambda path: path.stat().st_size):
        raise damaged(path, f"has {found} bytes instead of {size}")


def _changed(folder: Path, expected: Mapping[str, int], look: Callable[[Path], int]) -> Iterator[tuple[Path, int, int]]:
    """Files that do not look as expected, with what was found and what was expected.

    Raises:
        StoreError: naming the first file that is missing.
    """
    for name, wanted in expected.items():
        path = folder / name
        try:
            found = look(path)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise damaged(path, "is missing") from error
        if found != wanted:
            yield path, found, wanted
