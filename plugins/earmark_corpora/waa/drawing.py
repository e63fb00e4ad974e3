"""Draws the recipes of WAA: which event goes on which background, when, how loud and how high."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from earmark.errors import CorpusError
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.desed.soundbank import Foreground
from earmark_corpora.synthesis.chance import Rng, generator
from earmark_corpora.synthesis.desed_stand_in import VARIANTS
from earmark_corpora.waa.bank import LEAST_S, Side
from earmark_corpora.waa.layout import CLIP_N, RATE_HZ, to_n, to_s
from earmark_corpora.waa.recipe import Recipe

SNR_DB = (6.0, 30.0)
PITCH_SHIFT = (-3.0, 3.0)
"""Semitones; the paper does not name it, its code does."""

SHORT_N = RATE_HZ // 5
"""Longest event of the 200 ms set."""

_LEAST_N = to_n(LEAST_S)


def waa1(root: Path, subset: str, side: Side, per_class: int, seed: int) -> list[Recipe]:
    """As many recipes of each class, in the order of the classes; each depends on the seed and its own name.

    Source: [weak_label_limits], sections 2.3 and 2.4 of its specification.

    Raises:
        CorpusError: a class has files of such variants only as the corpus is not made of.
    """
    recipes = []
    for label in EVENTS:
        by_variant: dict[str, list[Foreground]] = {}
        for file in side.foreground[label]:
            by_variant.setdefault(file.variant, []).append(file)
        shares = VARIANTS["eval" if subset == "eval" else "train"].get(label, {"": 1.0})
        # Where a variant has no file, the others take its share in proportion.
        usable = {variant: share for variant, share in shares.items() if variant in by_variant}
        if not usable:
            raise CorpusError(
                f"{root}: all files of {label} for {subset} lie in {', '.join(label + v for v in sorted(by_variant))}; "
                f"WAA is made of {', '.join(label + v for v in shares)}. Add files there."
            )
        index = 0
        for variant, count in allocated(usable, per_class).items():
            for _ in range(count):
                clip = f"{subset}/{label}_{index:04d}.wav"
                rng = generator(seed, "waa", clip)
                file = by_variant[variant][int(rng.integers(len(by_variant[variant])))]
                recipes.append(_recipe(clip, file, side, rng))
                index += 1
    return recipes


MOST_PLACES = 30
"""Places that are tried for an excerpt of an event; a cat or a dish sounds for a tenth of its file and more."""


def shortened_event(recipe: Recipe, seed: int, audible: Callable[[Recipe], bool]) -> Recipe:
    """The same recipe with at most 200 ms of its event, from anywhere in it where there is sound.

    Source: [weak_label_limits], section 2.7 of its specification, which draws one place. Isolated sounds have pauses,
    and silence has no loudness that could be set: another place is drawn then, a few times.

    Args:
        recipe: of the whole event.
        seed: of the corpus.
        audible: says whether a recipe's event is.
    """
    whole = to_n(recipe.duration_s)
    if whole <= SHORT_N:
        return recipe
    places = generator(seed, "200ms", recipe.clip).integers(0, whole - SHORT_N, endpoint=True, size=MOST_PLACES)
    drawn = recipe
    for skipped in places.tolist():
        # The released code forgets the start in the file, and so takes what the clip of WAA does not hold.
        start_s = to_s(to_n(recipe.source_start_s) + skipped)
        drawn = replace(recipe, source_start_s=start_s, duration_s=to_s(SHORT_N))
        if audible(drawn):
            break
    return drawn  # rendering names the file where none is


def allocated(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole parts of a total in proportion to shares, by largest remainder.

    >>> allocated({"": 0.85, "_nOn": 0.1, "_nOn_nOff": 0.05}, 75)  # 63.75, 7.5, 3.75
    {'': 64, '_nOn': 7, '_nOn_nOff': 4}
    """
    # Decimal shares such as 0.7 are no binary fractions: what is an integer on paper must be one here.
    exact = {name: round(total * share / sum(shares.values()), 9) for name, share in shares.items()}
    parts = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


def _recipe(clip: str, file: Foreground, side: Side, rng: Rng) -> Recipe:
    start, onset, length = _times(file.variant, int(file.duration_s * RATE_HZ + 1e-6), rng)
    background = side.background[int(rng.integers(len(side.background)))]
    spare_s = max(background.duration_s - CLIP_N / RATE_HZ, 0.0)
    background_start_s = to_s(int(rng.random() * spare_s * RATE_HZ))
    return Recipe(
        clip=clip,
        label=file.label,
        source_file=file.path,
        source_start_s=to_s(start),
        onset_s=to_s(onset),
        duration_s=to_s(length),
        snr_db=round(float(rng.uniform(*SNR_DB)), 6),
        pitch_shift=round(float(rng.uniform(*PITCH_SHIFT)), 6),
        background_file=background.path,
        background_start_s=background_start_s,
    )


def _times(variant: str, n: int, rng: Rng) -> tuple[int, int, int]:
    """Start in a file of n samples, onset in the clip and length, in samples.

    Source: [weak_label_limits], DESED generator of 2019: it never uses the middle of a file whose onset is there.
    """
    latest = CLIP_N - _LEAST_N
    if variant == "":
        onset = int(rng.integers(0, latest, endpoint=True))
        return 0, onset, min(n, CLIP_N - onset)
    if variant == "_nOff":
        onset = int(rng.integers(max(0, CLIP_N - n), latest, endpoint=True))
        return 0, onset, CLIP_N - onset
    if variant == "_nOn":
        start = int(rng.integers(0, n - _LEAST_N, endpoint=True))
        return start, 0, min(CLIP_N, n - start)
    start = int(rng.integers(0, max(n - CLIP_N, 0), endpoint=True))
    return start, 0, min(CLIP_N, n - start)
