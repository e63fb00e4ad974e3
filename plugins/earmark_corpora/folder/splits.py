"""Splits of a folder of recordings: as somebody named them, or drawn so that no group is torn apart."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping

DEVELOPMENT, VALIDATION, EVALUATION = "development", "validation", "evaluation"
"""As experiments call them where they say nothing else."""

UNASSIGNED = "unassigned"
"""Split of recordings that belong to none: they are read, and no experiment uses them."""

SYNONYMS = {
    "train": DEVELOPMENT,
    "training": DEVELOPMENT,
    "dev": DEVELOPMENT,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validate": VALIDATION,
    "test": EVALUATION,
    "testing": EVALUATION,
    "eval": EVALUATION,
}


def split_named(name: str) -> str:
    """Split that a folder or a cell of a table means.

    >>> split_named("Train"), split_named("evaluation"), split_named("night")
    ('development', 'evaluation', 'night')
    """
    return SYNONYMS.get(name.lower(), name.lower() if name.lower() in SYNONYMS.values() else name)


def draw(stratum_of: Mapping[str, str], *, validation: float, test: float, seed: int) -> dict[str, str]:
    """Draw a split for each group of recordings.

    Within each stratum (scene), groups stand in the order of a hash of their name and the seed; the strata are then
    dealt like one pack of cards, each spread evenly, and the pack is cut: the first part is evaluation, the next
    validation, the rest development. So every scene has its share of each split as far as whole groups allow. The
    order of the groups depends on nothing but their names and the seed: when a recording is added, the others keep
    their order, and only those next to a cut may change sides. Wherever a share is above 0 and there are enough groups,
    the split gets at least one; development goes before evaluation, and that before validation.

    Args:
        stratum_of: stratum of each group.
        validation: share of the groups.
        test: share of the groups.
        seed: another seed gives another draw.
    """
    strata: dict[str, list[str]] = defaultdict(list)
    for group, stratum in stratum_of.items():
        strata[stratum].append(group)
    pack: list[tuple[float, str, str]] = []
    for groups in strata.values():
        groups.sort(key=lambda group: _hash(group, seed))
        pack += [((place + 0.5) / len(groups), _hash(group, seed), group) for place, group in enumerate(groups)]
    order = [group for _, _, group in sorted(pack)]
    n = len(order)
    n_test = max(round(test * n), 1) if test and n > 1 else 0
    n_validation = max(round(validation * n), 1) if validation and n > 2 else 0
    # Rounding up two small parts may leave nothing to learn from.
    n_validation = max(min(n_validation, n - n_test - 1), 0)
    return {
        group: EVALUATION if place < n_test else VALIDATION if place < n_test + n_validation else DEVELOPMENT
        for place, group in enumerate(order)
    }


def strata(scene_of: Mapping[str, str | None], group_of: Mapping[str, str]) -> dict[str, str]:
    """Most frequent scene of each group, by group; "" for groups without any."""
    scenes: dict[str, Counter[str]] = defaultdict(Counter)
    for path, group in group_of.items():
        scenes[group][scene_of.get(path) or ""] += 1
    return {group: min(counts, key=lambda scene: (-counts[scene], scene)) for group, counts in scenes.items()}


def torn(split_of: Mapping[str, str], group_of: Mapping[str, str]) -> dict[str, list[str]]:
    """Groups that stand in several splits, with these."""
    splits: dict[str, set[str]] = defaultdict(set)
    for path, group in group_of.items():
        if split_of[path] != UNASSIGNED:
            splits[group].add(split_of[path])
    return {group: sorted(names) for group, names in splits.items() if len(names) > 1}


def _hash(group: str, seed: int) -> str:
    return hashlib.blake2b(f"{seed}\n{group}".encode(), digest_size=8).hexdigest()
