"""The synthesiser of WAA: recipes first, then every clip from its recipe, and its segments from the clip."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.marker import MARKER
from earmark_corpora.synthesis.soundbank_stand_in import SoundbankStandIn
from earmark_corpora.waa.layout import (
    BANK,
    CLIP_N,
    CLIP_S,
    DATASETS,
    IDENTITY,
    PER_CLASS,
    RULES,
    SEGMENTS_S,
    SUBSETS,
    list_path,
    recipe_path,
    segment_path,
    to_n,
    to_s,
)

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark_corpora.waa.bank import Side
    from earmark_corpora.waa.recipe import Recipe
    from earmark_corpora.waa.writing import Cut, Job

VERSION = 1
"""Raised whenever the same options and seed give other clips or other segments."""

MADE_WITH = ("numpy", "scipy", "soxr", "pyloudnorm", "soundfile")
"""Packages that decide the last bit of a clip."""

_STARTS = "rule,segment_s,subset,filename,start_s,start_sample"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waa:
    """Mixes WAA from a DESED soundbank: clips of 10 s with one event each, their recipes, and segments cut from them.

    Source: [weak_label_limits], section 2. The corpus ``waa`` reads it.
    """

    soundbank: Path | None = None
    """Folder of a DESED soundbank; None for a synthetic one, which is made inside the corpus' own folder."""
    per_class: tuple[int, int, int] = PER_CLASS
    """Clips of each of the ten classes in train, valid and eval; the paper's by default."""
    bank_share: float = 1.0
    """Size of the synthetic soundbank, as a part of the real one; of no effect where a soundbank is given."""

    def __post_init__(self) -> None:
        if min(self.per_class) < 1:
            raise OptionError(
                f"Waa.per_class is {list(self.per_class)}; give at least 1 for each of {', '.join(SUBSETS)}."
            )
        SoundbankStandIn(share=self.bank_share)

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the corpus, the content of a soundbank that was given included.

        Raises:
            CorpusError: no soundbank is there.
        """
        if self.soundbank is None:
            bank: Any = SoundbankStandIn(share=self.bank_share).identity(seed)
        else:
            bank = DesedSoundbank().read(self.soundbank).digest
        return {
            "corpus": "waa",
            "version": VERSION,
            "seed": seed,
            "options": {"per_class": list(self.per_class)},
            "soundbank": bank,
        }

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the corpus; files that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the soundbank lacks classes or files, has one on two sides, or the folder cannot be used.
            AudioError: a file of the soundbank is not readable, too short or silent.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from filelock import FileLock

        from earmark_corpora.waa.bank import refuse_silent, sides
        from earmark_corpora.waa.writing import claimable, write_clips, write_text

        root = Path(root)
        identity = self.identity(seed)
        begun = claimable(root, IDENTITY, identity)
        if self.soundbank is not None and not begun:
            # Before the folder is taken: whoever mends a soundbank then makes another corpus, and it may lie there.
            refuse_silent(self.soundbank, sides(self.soundbank), n_processors())
        write_text(root, IDENTITY, _as_json(identity))
        with FileLock(root / ".synthesis.lock"):
            n_clips, n_before = len(EVENTS) * sum(self.per_class), 0

            def advance_bank(done: int, total: int) -> None:
                nonlocal n_before
                n_before = total
                if advance is not None:
                    advance(done, total + n_clips)

            if self.soundbank is None:
                soundbank = root / BANK
                bank = SoundbankStandIn(share=self.bank_share)
                bank.synthesize(soundbank, seed=seed, advance=advance_bank, engine=engine)
            else:
                soundbank = self.soundbank
            if (soundbank / MARKER).is_file():
                write_text(root, MARKER, _as_json(identity))
            recipes = self._recipes(soundbank, sides(soundbank), seed)
            jobs, starts = _jobs(recipes, seed)
            for path, text in _texts(recipes, starts).items():
                write_text(root, path, text)
            waiting = [job for job in jobs if not job.is_whole(root)]
            n_whole = n_before + len(jobs) - len(waiting)

            def advance_clips(done: int, _: int) -> None:
                if advance is not None:
                    advance(n_whole + done, n_before + n_clips)

            write_clips(root, soundbank, waiting, n_processors(), advance_clips, engine)

    def _recipes(self, soundbank: Path, found: Mapping[str, Side], seed: int) -> dict[str, dict[str, list[Recipe]]]:
        """By set and subset, in the same order in both sets."""
        from earmark_corpora.waa.drawing import shortened_event, waa1
        from earmark_corpora.waa.rendering import audible

        def heard(recipe: Recipe) -> bool:
            return audible(recipe, soundbank)

        whole = {
            subset: waa1(soundbank, subset, found[subset], n, seed)
            for subset, n in zip(SUBSETS, self.per_class, strict=True)
        }
        short = {subset: [shortened_event(recipe, seed, heard) for recipe in of] for subset, of in whole.items()}
        return dict(zip(DATASETS, (whole, short), strict=True))


def _jobs(recipes: dict[str, dict[str, list[Recipe]]], seed: int) -> tuple[list[Job], dict[str, list[str]]]:
    """What is to be rendered, and the lines that say where segments start, by set."""
    from earmark_corpora.waa.writing import Job

    jobs, starts = [], dict[str, list[str]]((dataset, [_STARTS]) for dataset in DATASETS)
    for subset in SUBSETS:
        for pair in zip(*(recipes[dataset][subset] for dataset in DATASETS), strict=True):
            mixes = []
            for dataset, recipe in zip(DATASETS, pair, strict=True):
                cuts, lines = _cuts(dataset, subset, recipe, seed)
                starts[dataset] += lines
                mixes.append((recipe, cuts))
            jobs.append(Job(mixes=tuple(mixes)))
    return jobs, starts


def _cuts(dataset: str, subset: str, recipe: Recipe, seed: int) -> tuple[tuple[Cut, ...], list[str]]:
    from earmark_corpora.synthesis.chance import generator
    from earmark_corpora.waa.segments import PLACEMENTS
    from earmark_corpora.waa.writing import Cut

    clip = recipe.clip.rpartition("/")[2]
    onset = to_n(recipe.onset_s)
    offset = onset + to_n(recipe.duration_s)
    cuts, lines = [Cut(path=segment_path(dataset, subset, clip, CLIP_S, RULES[0]), start=0, length=CLIP_N)], []
    for rule in RULES:
        for segment_s in SEGMENTS_S[:-1]:
            length = to_n(segment_s)
            rng = generator(seed, "segment", dataset, rule, f"{segment_s:g}", recipe.clip)
            start = PLACEMENTS[rule](onset, offset, length, rng)
            path = segment_path(dataset, subset, clip, segment_s, rule)
            cuts.append(Cut(path=path, start=start, length=length))
            lines.append(f"{rule},{segment_s:g},{subset},{clip},{to_s(start)},{start}")
    return tuple(cuts), lines


def _texts(recipes: dict[str, dict[str, list[Recipe]]], starts: dict[str, list[str]]) -> dict[str, str]:
    """Lists, recipes and starts of segments by path."""
    from earmark_corpora.waa.lists import as_list
    from earmark_corpora.waa.recipe import as_jams

    texts = {}
    for dataset, of_dataset in recipes.items():
        for subset, of_subset in of_dataset.items():
            texts[list_path(dataset, subset)] = as_list(of_subset)
            for recipe in of_subset:
                texts[recipe_path(dataset, recipe.clip)] = as_jams(recipe)
        texts[f"{dataset}/segments.csv"] = "\n".join(starts[dataset]) + "\n"
    texts["made_with.json"] = _as_json({name: version(name) for name in MADE_WITH})
    return texts


def _as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
