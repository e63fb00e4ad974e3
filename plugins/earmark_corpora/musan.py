"""MUSAN: noise, music and speech without any annotation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.recordings import Dataset
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, counted, prefixed

KINDS = ("music", "noise", "speech")

PUBLICATION = Publication(folder="musan", split="development", source="OpenSLR resource 17", fetch="musan")


def _plan(root: Path, publication: Publication) -> Plan | None:
    folder = publication.located(root)
    if folder is None:
        return None
    prefix = prefixed(root, folder)
    files = {
        kind: [f for f in sorted((folder / kind).glob("*/*.wav")) if not f.name.startswith("._")] for kind in KINDS
    }
    if not any(files.values()):
        return None
    entries = tuple(
        Entry(path=prefix + file.relative_to(folder).as_posix(), split=publication.split)
        for of_kind in files.values()
        for file in of_kind
    )
    counts = {kind: len(of_kind) for kind, of_kind in files.items()}
    return Plan(entries=entries, notes=(f"{counted(counts)} recordings; nothing is known of what sounds in them.",))


LAYOUT = Layout(name="musan", scenes=(), events=(), publications=(PUBLICATION,), plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class Musan:
    """Reads ``{music,noise,speech}/<source>/*.wav``; one split, no labels: material for backgrounds."""

    def read(self, root: Path) -> Dataset:
        """Read audio headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
