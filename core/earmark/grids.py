"""Grids: one template of stages and a list of cases, written once in an experiment file, become ordinary stages.

::

    [grids.share]
    cases = [{ percent = 10, strong = 0.9, rest = 0.1 }, { percent = 70, strong = 0.3, rest = 0.7 }]

    [grids.share.stages."semi-weak-{percent}"]
    title = "Semi-MTL w/ weak labels, {percent} %"
    at = { share = "{percent}" }
    labels = [{ share = "{strong}", sources = ["strong"] }, { share = "{rest}", sources = ["weak"] }]

gives the stages ``semi-weak-10`` and ``semi-weak-70``. Nothing after the reading of the file knows of grids: addresses,
engines, interruptions and reuse are those of any stage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from earmark.errors import ExperimentError, suggestion

_VALUE = re.compile(r"\{(\w+)\}")
_FIELDS = ("cases", "stages")


def expanded(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a parsed experiment file with the stages of its grids among the others, and without ``grids``.

    Args:
        document: as TOML gives it, profiles merged.
        where: name of the file, for messages.

    Raises:
        ExperimentError: a grid has another field, no case or no stage; a template names a value that a case lacks; two
            stages get one name.

    >>> grid = {"cases": [{"n": 1}, {"n": 2}], "stages": {"net-{n}": {"n_epochs": "{n}", "title": "{n} epochs"}}}
    >>> expanded({"grids": {"length": grid}}, "a.toml")["stages"]
    {'net-1': {'n_epochs': 1, 'title': '1 epochs'}, 'net-2': {'n_epochs': 2, 'title': '2 epochs'}}
    """
    result = dict(document)
    grids = result.pop("grids", {})
    if not grids:
        return result
    if not isinstance(grids, Mapping):
        raise ExperimentError(f"{where}: grids: must be tables such as [grids.share], got {grids!r}.")
    stages = dict(result.get("stages", {}))
    for name, grid in grids.items():
        here = f"{where}: grids.{name}"
        for number, case in enumerate(_cases(grid, here), start=1):
            for template, stage in grid["stages"].items():
                said = f"{here}.stages.{template}, case {number}"
                stage_name = str(_filled(template, case, said, text=True))
                if stage_name in stages:
                    raise ExperimentError(
                        f"{said}: there is a stage {stage_name!r} already. "
                        'Put what differs between the cases into the name, such as "net-{value}".'
                    )
                stages[stage_name] = _filled(stage, case, said)
    return {**result, "stages": stages}


def _cases(grid: Any, here: str) -> list[Mapping[str, Any]]:
    """Cases of a grid, once it is known to be one."""
    if not isinstance(grid, Mapping):
        raise ExperimentError(f"{here}: must be a table with cases and stages, got {grid!r}.")
    for field in grid:
        if field not in _FIELDS:
            raise ExperimentError(
                f"{here}.{field}: no such field. {suggestion(field, _FIELDS)}Fields: {', '.join(_FIELDS)}."
            )
    cases, stages = grid.get("cases"), grid.get("stages")
    if not isinstance(cases, list) or not cases or not all(isinstance(case, Mapping) for case in cases):
        raise ExperimentError(
            f"{here}.cases: must be a list of at least one table, such as [{{ share = 0.3 }}, {{ share = 0.7 }}], "
            f"got {cases!r}."
        )
    if not isinstance(stages, Mapping) or not stages:
        raise ExperimentError(f"{here}.stages: must hold at least one stage, got {stages!r}.")
    return cases


def _filled(value: Any, case: Mapping[str, Any], said: str, *, text: bool = False) -> Any:
    """A template with a case's values: ``"{name}"`` alone becomes the value itself, within a text it is written out."""
    if isinstance(value, Mapping):
        return {key: _filled(item, case, said) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, case, said) for item in value]
    if not isinstance(value, str):
        return value

    def of_case(match: re.Match[str]) -> Any:
        name = match.group(1)
        if name not in case:
            raise ExperimentError(
                f"{said}: {match.group(0)} in {value!r} is no value of this case. "
                f"{suggestion(name, case)}Values: {', '.join(case) or 'none'}."
            )
        return case[name]

    alone = _VALUE.fullmatch(value)
    if alone and not text:
        return of_case(alone)
    return _VALUE.sub(lambda match: str(of_case(match)), value)
