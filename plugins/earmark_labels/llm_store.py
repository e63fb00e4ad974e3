"""Answers of a language model on disk: one file a scene, whole or absent, never asked for twice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.addressing import address_of
from earmark.errors import StoreError

FORMAT = 1
"""Version of the files."""


@dataclass(frozen=True, slots=True)
class AnswerStore:
    """A folder of answers to one question by one model."""

    folder: Path

    def path(self, scene: str) -> Path:
        """File of a scene, whose name may hold anything; the hash keeps apart what a file name cannot."""
        return self.folder / f"{re.sub(r'[^a-z0-9]+', '-', scene.lower())[:40].strip('-')}-{address_of(scene)[:8]}.json"

    def read(self, scene: str) -> dict[str, Any] | None:
        """The answer for a scene, or None where it was not asked for yet.

        Raises:
            StoreError: the file cannot be read, or is not as it was written.
        """
        path = self.path(scene)
        try:
            record = json.loads(path.read_text("utf-8"))
            content = {name: value for name, value in record.items() if name != "hash"}
            whole = record.get("hash") == address_of(content) and record["scene"] == scene
        except FileNotFoundError:
            return None
        except (OSError, ValueError, AttributeError, KeyError, RecursionError) as error:
            raise self._damaged(path, f"cannot be read ({error})") from None
        if not whole or record["format"] != FORMAT:
            raise self._damaged(path, "is not as Earmark has written it")
        return dict(record)

    def write(self, scene: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an answer, with the hash of all that it says.

        Raises:
            StoreError: the disk refuses it.
        """
        content = {"format": FORMAT, "scene": scene, **record}
        content["hash"] = address_of(content)
        self.place(self.path(scene), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return content

    def place(self, path: Path, text: str) -> None:
        """Write a file of the folder aside and rename it."""
        from earmark_stores.disk import replace_file, writing  # late: stores import slowly

        with writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.folder, path, text.encode())

    @staticmethod
    def _damaged(path: Path, what: str) -> StoreError:
        return StoreError(f"{path}: this stored answer {what}. Delete the file; the next call asks that scene again.")
