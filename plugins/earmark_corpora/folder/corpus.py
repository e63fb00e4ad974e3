"""A user's own folder of recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import AnnotationError, CorpusError
from earmark.recordings import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderCorpus:
    """Your own recordings: any sound files, annotated in Audacity, Raven, JAMS or a table; see `corpus.toml`.

    What lies where stands in the folder's corpus.toml (`earmark_corpora.folder.description`). Without one, a plain
    folder is understood by convention where it can mean one thing only; ``earmark data check folder DIR`` then prints
    the corpus.toml that says the same.
    """

    def read(self, root: Path) -> Dataset:
        """Read annotations and the headers of the audio files.

        Raises:
            CorpusError: files cannot be read, each with its reason, or corpus.toml is wrong.
            AnnotationError: annotations contradict themselves or their recordings, each with file and line.
        """
        from earmark_corpora.folder.reading import understand

        understood = understand(Path(root))
        go_on = f"`earmark data check folder {root}` says what was understood of the rest."
        if understood.unreadable and not understood.description.skip_unreadable:
            reasons = "\n".join(f"- {reason}" for reason in (*understood.unreadable.values(), *understood.problems))
            raise CorpusError(
                f"{root}: {len(understood.unreadable)} recordings cannot be read:\n{reasons}\n"
                f"Mend or remove them, or write skip_unreadable = true into corpus.toml to go on without them. {go_on}"
            )
        if understood.problems:
            if len(understood.problems) == 1:
                raise AnnotationError(understood.problems[0])
            reasons = "\n".join(f"- {problem}" for problem in understood.problems)
            raise AnnotationError(f"{root}: {len(understood.problems)} contradictions:\n{reasons}\n{go_on}")
        return understood.dataset()

    def check(self, root: Path) -> Iterable[str]:
        """Say in a screenful what was understood, what is wrong and how to go on."""
        from earmark_corpora.folder.check import check

        return check(Path(root))
