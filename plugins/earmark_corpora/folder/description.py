"""corpus.toml: how a user describes a folder of recordings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import ConfigDict, Field

from earmark.errors import CorpusError
from earmark.experiment import Description
from earmark.explained import explained

FILE = "corpus.toml"

EXAMPLE = 'annotations = { format = "audacity" }'


class AnnotationsRef(pydantic.BaseModel):
    """The annotation format and where its files lie; all else are options of the format."""

    model_config = ConfigDict(extra="allow", frozen=True)

    format: str
    path: str = ""
    """A table for all recordings, or a folder with a file for each; where empty, files lie beside the audio."""

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Scenes(Description):
    """Where the scene of a recording is written."""

    source: Literal["folder", "column", "annotations"] = Field(alias="from")
    """The folder in which the audio file lies, a column of the table, or the annotations themselves."""
    column: str = "scene"


class Groups(Description):
    """Which recordings belong together, such as those of one place or session: they are never torn apart."""

    source: Literal["folder", "column"] = Field(alias="from")
    """The folder in which the audio file lies, or a column of the table; else a recording is a group of its own."""
    column: str = "group"


class Splits(Description):
    """Which recordings are trained on and which are evaluated."""

    source: Literal["folder", "column", "drawn"] = Field(alias="from")
    """The first folder below the audio folder, a column of the table, or a draw."""
    column: str = "split"
    train: float | None = Field(default=None, ge=0, le=1)
    """Share of the development split in a draw: what the others leave, where not given."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    seed: int = 0

    @pydantic.model_validator(mode="after")
    def _shares_fit(self) -> Splits:
        total = self.validation + self.test + (self.train or 0)
        if total > 1 + 1e-9 or (self.train is not None and total < 1 - 1e-9):
            raise ValueError(
                f"the shares sum to {total:g}, must be 1: train = "
                f"{'the rest' if self.train is None else f'{self.train:g}'}, validation = {self.validation:g}, "
                f"test = {self.test:g}"
            )
        return self


class FolderDescription(Description):
    """What corpus.toml may hold; every field may be left out."""

    name: str = Field(default="", pattern=r"^[^/\\]*$")
    """Name in tables and figures; that of the folder where empty."""
    audio: str = "."
    """Folder of the sound files, with any folders below it."""
    annotations: AnnotationsRef | None = None
    events: tuple[str, ...] = ()
    """Vocabulary, in this order; every name that occurs, sorted, where empty."""
    rename: dict[str, str] = Field(default={})
    """Names of events in the annotations, and what they shall be called."""
    table: str = ""
    """CSV or TSV with a column for the file and others for scene, split and group."""
    scenes: Scenes | None = None
    """As the table's column ``scene`` says, where it has one and nothing is said here; else as the annotations do."""
    groups: Groups | None = None
    """As the table's column ``group`` says, where it has one; else each recording is a group of its own."""
    splits: Splits | None = None
    """As the table's column ``split`` says, where it has one; else drawn."""
    skip_unreadable: bool = False
    """Leave recordings out that cannot be read, with a note, instead of refusing the whole folder."""


def read_description(root: Path) -> FolderDescription | None:
    """Read a folder's corpus.toml; None where it has none.

    Raises:
        CorpusError: it is not TOML, or a field is unknown or of a wrong type; the message names file and field, what
            was meant and what exists.
    """
    file = root / FILE
    if not file.is_file():
        return None
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise CorpusError(f"{file}: not valid TOML: {error}.") from None
    return description_of(document, str(file))


def description_of(document: Mapping[str, Any], where: str) -> FolderDescription:
    """Check a parsed description.

    Raises:
        CorpusError: as `read_description`.
    """
    try:
        description = FolderDescription.model_validate(dict(document))
    except pydantic.ValidationError as error:
        raise CorpusError(f"{where}: {explained(error, FolderDescription)}") from None
    if not description.table:
        for name in ("scenes", "groups", "splits"):
            part = getattr(description, name)
            if part is not None and part.source == "column":
                raise CorpusError(
                    f'{where}: {name}.from is "column", but there is no table. Add table = "recordings.csv", a file '
                    f"with the columns file and {part.column}."
                )
    return description


def as_toml(document: Mapping[str, Any]) -> str:
    """Write a description as the lines of a corpus.toml.

    >>> print(as_toml({"name": "mine", "annotations": {"format": "audacity"}}))
    name = "mine"
    annotations = { format = "audacity" }
    """

    def written(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{ " + ", ".join(f"{key} = {written(inner)}" for key, inner in value.items()) + " }"
        return json.dumps(value, ensure_ascii=False)

    return "\n".join(f"{key} = {written(value)}" for key, value in document.items())
