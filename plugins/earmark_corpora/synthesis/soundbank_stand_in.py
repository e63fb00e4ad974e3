"""The synthesiser of a soundbank alone: as many isolated events of each class as the paper on WAA used, and rooms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark_corpora.desed.layout import EVENTS, VARIANTS
from earmark_corpora.desed.soundbank import VALIDATION_LIST
from earmark_corpora.synthesis import desed_stand_in

if TYPE_CHECKING:
    from earmark.protocols import Engine

VERSION = 1
"""Raised whenever the same options and seed give other sound."""

FOREGROUND = {
    "train": (178, 89, 78, 99, 122, 51, 56, 59, 117, 64),
    "valid": (12, 9, 10, 10, 14, 5, 8, 9, 11, 10),
    "eval": (63, 27, 26, 34, 43, 17, 17, 20, 47, 20),
}
"""Files of each class, in the order of the vocabulary; source: [weak_label_limits], Table 1."""

BACKGROUND = {"train": 1852, "valid": 208, "eval": 17}
"""Source: [weak_label_limits], section 3 of its specification."""

LEAST_FILES = 2
"""Of each class in each subset, however small a stand-in is."""

_FIRST_SOURCE = {"train": 100_000, "valid": 300_000, "eval": 500_000}
_MOST_PIECES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Isolated:
    path: str
    label: str
    variant: str
    duration_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundbankStandIn:
    """Writes a synthetic soundbank in the layout of DESED, 44.1 kHz, one channel, before its 90/10 split is applied.

    Durations follow the real annotations; the corpus ``desed-soundbank`` reads it.
    """

    share: float = 1.0
    """Its size as a part of the real one: 1,325 foreground files and 2,077 backgrounds at 1."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise OptionError(f"SoundbankStandIn.share is {self.share:g}; give a part of the real soundbank, up to 1.")

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the stand-in."""
        # Its instruments are those of the other stand-in, so it changes where that one does.
        versions = [VERSION, desed_stand_in.VERSION]
        return {"corpus": "desed-soundbank", "version": versions, "seed": seed, "options": {"share": self.share}}

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the stand-in; files that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, or cannot be written.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.writing import write_files

        events = [file for subset in FOREGROUND for file in self._foreground(subset, seed)]
        rooms = {subset: self._background(subset) for subset in BACKGROUND}
        sounds = [
            *(
                desed_stand_in.sound_file(f.path, f.duration_s, desed_stand_in.isolated_event, f.label, f.variant, seed)
                for f in events
            ),
            *(
                desed_stand_in.sound_file(path, 10.0, desed_stand_in.rendered_clip, (), seed)
                for of_subset in rooms.values()
                for path in of_subset
            ),
        ]
        held_out = [f.path for f in self._foreground("valid", seed)] + rooms["valid"]
        moved = [path.replace("audio/train/", "audio/validation/", 1) for path in sorted(held_out)]
        write_files(
            root,
            sounds,
            {VALIDATION_LIST: "\n".join(["filepath", *moved]) + "\n"},
            self.identity(seed),
            foreign=desed_stand_in.FOREIGN,
            workers=n_processors(),
            advance=advance,
            engine=engine,
        )

    def _foreground(self, subset: str, seed: int) -> Iterator[_Isolated]:
        """Files with names as Freesound numbers and pieces; no source is on two sides."""
        from earmark_corpora.synthesis.chance import generator
        from earmark_corpora.synthesis.desed_plan import isolated_duration

        part = "eval" if subset == "eval" else "train"
        for index, label in enumerate(EVENTS):
            rng = generator(seed, "foreground", subset, label)
            left = max(LEAST_FILES, round(self.share * FOREGROUND[subset][index]))
            shares = desed_stand_in.VARIANTS[part].get(label, {"": 1.0})
            source = _FIRST_SOURCE[subset] + 10_000 * index
            while left:
                variant = str(rng.choice(list(shares), p=list(shares.values())))
                n_pieces = min(int(rng.integers(1, _MOST_PIECES, endpoint=True)), left)
                for piece in range(n_pieces):
                    name = f"{source}_{piece}" if n_pieces > 1 else f"{source}"
                    length_s = float(rng.uniform(10, 30)) if variant in VARIANTS else isolated_duration(label, rng)
                    yield _Isolated(
                        path=f"audio/{part}/soundbank/foreground/{label}{variant}/{name}.wav",
                        label=label,
                        variant=variant,
                        duration_s=round(length_s, 3),
                    )
                source, left = source + 1, left - n_pieces

    def _background(self, subset: str) -> list[str]:
        count = max(1, round(self.share * BACKGROUND[subset]))
        if subset == "eval":
            folders = ["youtube" if index % 3 == 2 else "freesound" for index in range(count)]
            return [f"audio/eval/soundbank/background/{f}/s{i + 1:03d}.wav" for i, f in enumerate(folders)]
        # Sessions tell the subsets apart.
        session = 500 if subset == "valid" else 1
        return [
            f"audio/train/soundbank/background/sins/DevNode{i % 4 + 1}_ex{session + i // 4}_{i + 1}.wav"
            for i in range(count)
        ]
