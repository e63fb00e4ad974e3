"""Scene, group and split of each recording of a folder, wherever the description says that they are written."""

from __future__ import annotations

from pathlib import PurePosixPath

from earmark_corpora.folder.description import Groups, Scenes, Splits
from earmark_corpora.folder.files import listed
from earmark_corpora.folder.splits import (
    DEVELOPMENT,
    EVALUATION,
    UNASSIGNED,
    VALIDATION,
    draw,
    split_named,
    strata,
    torn,
)
from earmark_corpora.folder.understood import Understood


def scenes_of(understood: Understood, paths: list[str]) -> dict[str, str | None]:
    """Scene of each recording, None where nobody says one."""
    scenes, table = understood.description.scenes, understood.table
    if scenes is None and "scene" in table.columns:
        scenes = Scenes.model_validate({"from": "column"})
    annotated = understood.annotations.annotated
    if scenes is None and any(one.scene is not None for one in annotated.values()):
        scenes = Scenes.model_validate({"from": "annotations"})
    if scenes is None:
        understood.scenes = "none"
        return dict.fromkeys(paths)
    if scenes.source == "folder":
        understood.scenes = "by folder"
        folders = {path: understood.files.below(path).parent.parts for path in paths}
        splits = understood.description.splits
        # With splits by folder, the first folder is the split and never the scene.
        first = 1 if splits is not None and splits.source == "folder" else 0
        found = {path: parts[-1] if len(parts) > first else None for path, parts in folders.items()}
    elif scenes.source == "column":
        understood.scenes = f"column {scenes.column!r} of {understood.description.table}"
        found = {path: table.of(path, scenes.column) or None for path in paths}
    else:
        understood.scenes = "from the annotations"
        found = {path: annotated[path].scene if path in annotated else None for path in paths}
    without = [path for path, scene in found.items() if scene is None]
    if without:
        understood.notes.append(f"{len(without)} recordings have no scene: {listed(without)}.")
    return found


def groups_of(understood: Understood, paths: list[str]) -> dict[str, str]:
    """Group of each recording; its own path without ending where nobody says one."""
    groups, table = understood.description.groups, understood.table
    if groups is None and "group" in table.columns:
        groups = Groups.model_validate({"from": "column"})
    alone = {path: PurePosixPath(path).with_suffix("").as_posix() for path in paths}
    if groups is None:
        return alone
    if groups.source == "folder":
        parents = {path: PurePosixPath(path).parent.as_posix() for path in paths}
        return {path: parents[path] if understood.files.below(path).parent.parts else alone[path] for path in paths}
    without = [path for path in paths if not table.of(path, groups.column)]
    if without:
        understood.notes.append(
            f"{len(without)} recordings have no {groups.column} in {understood.description.table} and are groups of "
            f"their own: {listed(without)}."
        )
    return {path: table.of(path, groups.column) or alone[path] for path in paths}


def splits_of(
    understood: Understood,
    paths: list[str],
    scene_of: dict[str, str | None],
    group_of: dict[str, str],
    where: str,
) -> dict[str, str]:
    """Split of each recording; a group that stands in several is a problem."""
    splits, table = understood.description.splits, understood.table
    if splits is None and "split" in table.columns:
        splits = Splits.model_validate({"from": "column"})
    splits = splits or Splits.model_validate({"from": "drawn"})
    if splits.source == "drawn":
        return _drawn(understood, splits, paths, scene_of, group_of)
    if splits.source == "folder":
        understood.splits = "by folder"
        named = {path: next(iter(understood.files.below(path).parent.parts), "") for path in paths}
    else:
        understood.splits = f"column {splits.column!r} of {understood.description.table}"
        named = {path: table.of(path, splits.column) for path in paths}
    split_of = {path: split_named(name) if name else UNASSIGNED for path, name in named.items()}
    without = [path for path, name in named.items() if not name]
    if without:
        understood.notes.append(f"{len(without)} recordings are in no split: {listed(without)}.")
    for split in (DEVELOPMENT, EVALUATION):
        if split not in split_of.values():
            understood.notes.append(
                f"No recording is in the split {split!r}. Splits: {listed(sorted(set(split_of.values())), 6)}."
            )
    for group, both in torn(split_of, group_of).items():
        understood.problems.append(
            f"{where}: the group {group!r} stands in {' and in '.join(both)}, so that one would be tested on what was "
            "learnt. Put it on one side."
        )
    return split_of


def _drawn(
    understood: Understood,
    splits: Splits,
    paths: list[str],
    scene_of: dict[str, str | None],
    group_of: dict[str, str],
) -> dict[str, str]:
    said = {path: one for path, one in understood.annotations.annotated.items() if path in group_of}
    annotated = {path for path, one in said.items() if one.events is not None} or set(said)
    # Without annotation a recording cannot be evaluated; where nobody annotated any, every one is as good.
    drawn = {group_of[path] for path in (annotated or paths)}
    stratum_of = strata(scene_of, {path: group for path, group in group_of.items() if group in drawn})
    side = draw(stratum_of, validation=splits.validation, test=splits.test, seed=splits.seed)
    understood.splits = f"drawn by {'recording' if len(set(group_of.values())) == len(paths) else 'group'}"
    understood.splits += f", seed {splits.seed}"
    shares = {EVALUATION: splits.test, VALIDATION: splits.validation}
    for split, share in shares.items():
        if share and split not in side.values():
            understood.notes.append(
                f"{len(side)} groups of annotated recordings are too few for a split {split!r}; it is empty."
            )
    split_of = {path: side.get(group_of[path], DEVELOPMENT) for path in paths}
    lost = [path for path in paths if annotated and path not in annotated and split_of[path] != DEVELOPMENT]
    for path in lost:
        split_of[path] = UNASSIGNED  # neither a reference, nor may its group be trained on
    if lost:
        understood.notes.append(
            f"{len(lost)} recordings without annotation belong to groups that are held out, and are in no split: "
            f"{listed(lost)}."
        )
    return split_of
