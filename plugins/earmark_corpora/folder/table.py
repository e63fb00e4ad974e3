"""The table of recordings of a folder: file, scene, split, group."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark_corpora.folder.files import Names, SoundFiles

FILE_COLUMNS = ("file", "filename", "audio", "path", "recording")


@dataclass(kw_only=True)
class RecordingTable:
    """What a table says of each recording."""

    columns: tuple[str, ...] = ()
    """Lower-case names of its columns."""
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    """By path of the recording, then by column."""
    missing: dict[str, str] = field(default_factory=dict)
    """Recordings that are named but not there, with the sentence on each."""
    problems: list[str] = field(default_factory=list)

    def of(self, path: str, column: str) -> str:
        """Cell of a recording, "" where the table says nothing."""
        return self.rows.get(path, {}).get(column.lower(), "")


def read_header(file: Path) -> tuple[list[str], str]:
    """Lower-case column names of a table, and what separates them.

    Raises:
        CorpusError: it cannot be read, or is no UTF-8 text.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{file}: not a readable UTF-8 table ({error}). Save it again as UTF-8 text.") from None
    # Spreadsheets of countries with a decimal comma write "CSV" with semicolons.
    mark = max("\t;,", key=first.count)
    return [name.strip().strip('"').lower() for name in first.strip().split(mark)], mark


def read_table(file: Path, wanted: Sequence[str], files: SoundFiles, where: str) -> RecordingTable:
    """Read a table of recordings.

    Args:
        file: comma-, semicolon- or tab-separated, with a header.
        wanted: columns that the description asks for.
        files: the sound files that it may name.
        where: who asks, for messages.

    Raises:
        CorpusError: it is not there, is no table, or lacks a column.
    """
    if not os.path.isfile(file):
        raise CorpusError(f"{where}: table: no file {file.name!r} in {file.parent}.")
    header, mark = read_header(file)
    key = next((name for name in FILE_COLUMNS if name in header), None)
    if key is None:
        raise CorpusError(f"{file}: no column 'file'. Columns: {', '.join(header)}.")
    for column in wanted:
        if column.lower() not in header:
            raise CorpusError(
                f"{file}: no column {column!r}, which {where} asks for. {suggestion(column, header)}"
                f"Columns: {', '.join(header)}."
            )
    table, names = RecordingTable(columns=tuple(header)), Names(files)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=mark, strict=True)
            next(reader)
            for fields in reader:
                if not any(text.strip() for text in fields):
                    continue
                line = f"{file}, line {reader.line_num}"
                _take(dict(zip(header, (text.strip() for text in fields), strict=False)), key, names, table, line)
    except (csv.Error, UnicodeDecodeError) as error:
        raise CorpusError(f"{file}: not a readable table ({error}). Save it again as UTF-8 text.") from None
    return table


def _take(row: dict[str, str], key: str, names: Names, table: RecordingTable, where: str) -> None:
    name = row.get(key, "")
    try:
        path = names.find(name, where) if name else None
    except AnnotationError as error:
        table.problems.append(str(error))
        return
    if not name:
        table.problems.append(f"{where}: no {key}. Name the recording, or remove the line.")
    elif path is None:
        table.missing[name] = names.missing(name, where)
    elif path in table.rows and table.rows[path] != row:
        # A table of events may be the table of recordings too: then a recording has several lines.
        said = [column for column in ("scene", "split", "group", "scene_label") if column in row]
        if any(table.rows[path].get(column) != row[column] for column in said):
            table.problems.append(f"{where}: says something else of {name!r} than a line above. Correct one of them.")
    else:
        table.rows[path] = row
