"""Clips of isolated synthetic events with tags, as their synthesiser writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.audio import audio_info
from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark.recordings import Dataset, Recording
from earmark_corpora.marker import MARKER
from earmark_corpora.tables import inner_path, rows

TAGS_FILE = "tags.tsv"
SEPARATOR = "|"


@dataclass(frozen=True, kw_only=True, slots=True)
class IsolatedEvents:
    """Reads clips of isolated events, tagged with names of AudioSet; synthetic, to train a stand-in tagger on.

    ``tags.tsv`` has the columns file and tags, these between vertical bars; the folder below ``audio`` is the split.
    """

    def read(self, root: Path) -> Dataset:
        """Read tags and audio headers.

        Raises:
            CorpusError: there is no list, or recordings are missing.
            AnnotationError: a line of the list cannot be right.
        """
        table = root / TAGS_FILE
        if not table.is_file():
            raise CorpusError(
                f"{root}: no {TAGS_FILE}. `earmark data synthesize isolated-events --to {root}` writes such a corpus; "
                "for recordings of your own, take the corpus 'folder'."
            )
        recordings, missing = [], []
        for row in rows(table):
            if row.fields[0] == "file":
                continue
            path = inner_path(row.fields[0], row.where)
            tags = tuple(filter(None, row.fields[1].split(SEPARATOR))) if row.fields[1:] else ()
            parts = path.split("/")
            if len(parts) != 3 or parts[0] != "audio" or not tags:
                raise AnnotationError(f"{row.where}: expected audio/SPLIT/NAME.wav and its tags. Synthesise it again.")
            try:
                info = audio_info(root / path)
            except AudioError as error:
                missing.append(str(error))
                continue
            recordings.append(
                Recording(
                    path=path,
                    duration_s=info.duration_s,
                    rate_hz=info.rate_hz,
                    channels=info.channels,
                    split=parts[1],
                    events=None,
                    tags=tags,
                )
            )
        if missing or not recordings:
            found = f"{len(missing)} recordings cannot be read, such as {missing[0]}" if missing else "it names none"
            raise CorpusError(f"{table}: {found} Run `earmark data synthesize isolated-events` again; it goes on.")
        return Dataset(
            name="isolated-events",
            root=root,
            synthetic=(root / MARKER).is_file(),
            scenes=(),
            events=tuple(sorted({tag for recording in recordings for tag in recording.tags or ()})),
            recordings=tuple(recordings),
        )

    def check(self, root: Path) -> Iterable[str]:
        """Say how many clips of which split are there."""
        try:
            dataset = self.read(root)
        except (CorpusError, AnnotationError) as error:
            yield str(error)
            return
        for split in dict.fromkeys(recording.split for recording in dataset.recordings):
            yield f"{split}: {len(dataset.of_split(split))} clips."
        yield f"{len(dataset.events)} events: {'; '.join(dataset.events)}."
