"""The objects below an address of fsspec's, and what their store answers, in words for people."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from earmark.errors import StoreError

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16
"""Requests under way: most of the time of one is waiting."""

_TAKEN = ("PreconditionFailed", "412")
"""What servers of S3 answer where an object is to be created that is there; s3fs knows only how Amazon says it."""

_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")
"""What they answer where two create an object in the same moment, and none may have done it."""


class Objects:
    """Whole objects by key, below an address such as ``s3://bucket/folder``.

    Credentials are those that the library for the kind of address finds by itself; none pass through here. An object
    is replaced in one step, and `create` makes it for one of several writers. Safe in threads, after a fork, and on
    another machine: each process opens its own connection, and nothing is remembered of what was listed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._opened: tuple[int, Any, str] | None = None
        self._exclusive = False

    def __reduce__(self) -> tuple[type[Objects], tuple[str]]:
        return Objects, (self.address,)

    def where(self, key: str) -> str:
        """Address of an object, for messages."""
        return f"{self.address}/{key}"

    def read(self, key: str) -> bytes | None:
        """Content of an object; None where there is none.

        Raises:
            StoreError: no answer, a refusal, or no bucket; so for all methods.
        """
        system, root = self._system()
        with self._asking(key):
            try:
                # From its beginning: without a range, s3fs asks for the size first, in a request of its own.
                return bytes(system.cat_file(f"{root}/{key}", start=0))
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return None

    def write(self, key: str, content: bytes) -> None:
        """Put an object in the place of any older one."""
        system, root = self._system()
        with self._asking(key):
            system.pipe_file(f"{root}/{key}", content)

    def create(self, key: str, content: bytes) -> bool:
        """Put an object where there is none; of several that try, one succeeds.

        Args:
            key: of the object.
            content: unlike that of everybody else, as by a name that is drawn.

        Returns:
            Whether the object is this one.
        """
        self._check_exclusive()
        # Where an answer was lost and the library has asked again, the object in the way is the own one.
        return self._created(key, content) or self.read(key) == content

    def names(self, folder: str) -> list[str]:
        """Names of what lies directly in a folder of keys, sorted; none where there is nothing."""
        system, root = self._system()
        with self._asking(folder):
            try:
                found = system.ls(f"{root}/{folder}", detail=False)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return []
        return sorted({str(path).rstrip("/").rpartition("/")[2] for path in found})

    def keys(self, folder: str) -> list[str]:
        """Keys of all objects below a folder of keys, sorted."""
        system, root = self._system()
        with self._asking(folder):
            try:
                found = system.find(f"{root}/{folder}")
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return []
        start = len(root.strip("/")) + 1
        return sorted(str(path).lstrip("/")[start:] for path in found)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are gone already."""
        system, root = self._system()

        def one(key: str) -> None:
            with self._asking(key), contextlib.suppress(FileNotFoundError, KeyError):
                system.rm_file(f"{root}/{key}")

        in_parallel(one, keys)

    def age_s(self, key: str) -> float | None:
        """Seconds since an object was written, by the clock of its store alone; None where that cannot be told."""
        system, root = self._system()
        probe = f"{root}/probes/{uuid.uuid4().hex}"
        try:
            system.pipe_file(probe, b"now")
            now = system.modified(probe)
            system.rm_file(probe)
            age: float = (now - system.modified(f"{root}/{key}")).total_seconds()
        except Exception:  # a store that can only be read, or one without times; it is a question of courtesy
            return None
        return age

    def _created(self, key: str, content: bytes) -> bool:
        system, root = self._system()
        with self._asking(key):
            for _ in range(5):
                try:
                    system.pipe_file(f"{root}/{key}", content, mode="create")
                    return True
                except FileExistsError:
                    return False
                except OSError as error:
                    if _code(error) in _TAKEN:
                        return False
                    if _code(error) not in _CONFLICT:
                        raise
        return False

    def _check_exclusive(self) -> None:
        """Make sure, once a process, that the store does what two writers at once rely on: some servers do not."""
        if self._exclusive:
            return
        probe = f"probes/{uuid.uuid4().hex}"
        try:
            self._exclusive = self._created(probe, b"first") and not self._created(probe, b"second")
        finally:
            with contextlib.suppress(StoreError):
                self.delete([probe])
        if not self._exclusive:
            raise StoreError(
                f"{self.address}: this store replaces an object that was to be created only where there is none, so "
                "that two writers could spoil each other's work. Use one that knows conditional writes (Amazon S3, "
                "Google Cloud Storage, Azure, MinIO of 2024 or newer), or a folder with `--stores DIR`."
            )

    def _system(self) -> tuple[Any, str]:
        """File system of this process, and the path of the address in it."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), *self._open())
        return self._opened[1:]

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        kind = self.address.partition(":")[0]
        try:
            # Others write into the store, too: what was listed a moment ago is no answer.
            system, root = url_to_fs(self.address, use_listings_cache=False)
        except ImportError as error:
            install = "pip install 'earmark[s3]'" if kind in ("s3", "s3a") else str(error)
            raise StoreError(
                f"{self.address}: addresses of the kind {kind}:// need a package that is not installed. Install it "
                f"into the environment of Earmark: {install}"
            ) from error
        except ValueError as error:
            raise StoreError(
                f"{self.address}: fsspec does not know addresses of this kind ({_said(error)}). Use s3://, gs:// or "
                "abfs://, or a folder with `--stores DIR`."
            ) from error
        except Exception as error:
            raise self._refused("", error) from error
        return system, str(root).rstrip("/")

    @contextlib.contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:  # each library of fsspec's has its own, which are no OSErrors where nobody answers
            raise self._refused(key, error) from error

    def _refused(self, key: str, error: Exception) -> StoreError:
        if isinstance(error, FileNotFoundError):
            return StoreError(
                f"{self.address}: there is no such bucket ({_said(error)}). Make it, as Earmark makes none, or correct "
                "the address in `--stores` or EARMARK_STORES."
            )
        if "Credential" in type(error).__name__:
            return StoreError(
                f"{self.address}: no credentials were found ({_said(error)}). They are taken from where the library "
                "for this kind of address looks for them, for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
                "~/.aws; never put them into the address."
            )
        if isinstance(error, PermissionError):
            return StoreError(
                f"{self.where(key)}: the store refuses ({_said(error)}). Whoever runs Earmark must be allowed to list, "
                "read, write and delete below the address; check the credentials, and whose bucket it is."
            )
        return StoreError(
            f"{self.where(key)}: the store does not answer, or fails ({type(error).__name__}: {_said(error)}). "
            "All that was finished before is kept, nothing half-written can be seen; once it answers again, the same "
            "command goes on where it stopped."
        )


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What a function makes of each item, in their order; several wait for answers at a time."""
    given = list(items)
    if len(given) < 2:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(_AT_ONCE, len(given)), "objects") as executor:
        return list(executor.map(work, given))


def _code(error: BaseException | None) -> str:
    """The server's own word for an error, where it is S3's."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""


def _said(error: Exception) -> str:
    """What an error says, on one line, without what stands before an @ in an address."""
    return re.sub(r"//[^/@\s]+@", "//", " ".join(str(error).split()))[:300] or type(error).__name__
