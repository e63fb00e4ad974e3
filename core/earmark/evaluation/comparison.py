"""Compares methods with one of them: the paired bootstrap over recordings, from the counts that evaluators leave.

The repetitions of a method are pooled by summing their counts per recording; recordings are then drawn with
replacement, the same ones for all methods. The interval of a difference says how far it would move on other
recordings. It does not say how far it would move with other seeds: for this, the repetitions in which a method scores
higher than the baseline with the same seed are counted beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from earmark.errors import EarmarkError, suggestion
from earmark.evaluation.resampling import paired_difference, resampled_sums
from earmark.evaluation.scores import Counts, FloatArray, IntArray, fscore_macro, fscore_macro_all, fscore_micro

SCORES = {"fscore_micro": fscore_micro, "fscore_macro": fscore_macro, "fscore_macro_all": fscore_macro_all}
"""Scores of summed counts, under the names that evaluators give them."""


class ComparisonError(EarmarkError):
    """Results cannot be compared with each other."""


class Compared(NamedTuple):
    """One score of one method, beside the baseline's."""

    method: str
    score: str
    """A name of `SCORES`."""
    value: float
    """The method's score of the pooled counts."""
    baseline: float
    """The baseline's."""
    difference: float
    """The method's less the baseline's."""
    low: float
    """Lower end of the difference's interval."""
    high: float
    """Upper end."""
    sign_flips: float
    """Share of resamples in which the difference is 0 or has the other sign."""
    n_higher: int
    """Repetitions in which the method scores higher than the baseline with the same seed."""
    n_repetitions: int

    @property
    def verdict(self) -> Literal["helps", "hurts", "unclear"]:
        """Helps or hurts where the interval lies on one side of 0, and most repetitions with it.

        >>> Compared("soft", "fscore_micro", 0.5, 0.4, 0.1, 0.05, 0.15, 0.0, 3, 3).verdict
        'helps'
        """
        # Of a few repetitions, more than half is little: the word is for a difference that both say.
        if self.low > 0 and 2 * self.n_higher > self.n_repetitions:
            return "helps"
        if self.high < 0 and 2 * self.n_higher < self.n_repetitions:
            return "hurts"
        return "unclear"


def compare(
    results: Mapping[str, Mapping[str, Sequence[xr.Dataset]]],
    baseline: str,
    evaluator: str,
    *,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Compared]:
    """Compare every other method with a baseline.

    Args:
        results: ``results[method][evaluator][repetition]``, as `earmark.study.Study.results` gives them; those of
            several studies on the same corpus and seeds can be joined.
        baseline: one of the methods.
        evaluator: whose results are compared; they hold counts by recording, of events or of scenes.
        n_resamples: of the bootstrap.
        confidence: of the intervals of differences.
        seed: decides the draws.

    Returns:
        For each other method, in order, one row for each of `SCORES`.

    Raises:
        ComparisonError: there is no such method or evaluator, or the methods were not evaluated on the same recordings
            and classes, by the same criterion, as often.
    """
    if baseline not in results:
        raise ComparisonError(
            f"There is no method {baseline!r} to compare with. {suggestion(baseline, results)}"
            f"Methods: {', '.join(results) or 'none'}."
        )
    found = {method: _found(by_evaluator, evaluator, method) for method, by_evaluator in results.items()}
    for method, repetitions in found.items():
        _check_alike(method, repetitions, baseline, found[baseline])
    counts = np.stack([sum_of_counts(repetitions) for repetitions in found.values()], axis=1)
    # All methods in one matrix, and so on the same draws; the first row is all recordings, once.
    resampled = resampled_sums(counts, n_resamples, np.random.default_rng(seed))
    sums = np.concatenate([counts.sum(axis=0, keepdims=True), resampled])
    scores = {method: {name: _scored(name, sums[:, place]) for name in SCORES} for place, method in enumerate(found)}
    rows = []
    for method in (method for method in found if method != baseline):
        for name in SCORES:
            ours, theirs = scores[method][name], scores[baseline][name]
            difference = paired_difference(theirs[0], ours[0], theirs[1:], ours[1:], confidence)
            pairs = zip(found[method], found[baseline], strict=True)
            rows.append(
                Compared(
                    method=method,
                    score=name,
                    value=float(ours[0]),
                    baseline=float(theirs[0]),
                    difference=float(difference.value),
                    low=float(difference.low),
                    high=float(difference.high),
                    sign_flips=float(difference.sign_flips),
                    n_higher=sum(float(one[name]) > float(other[name]) for one, other in pairs),
                    n_repetitions=len(found[method]),
                )
            )
    return rows


def sum_of_counts(repetitions: Sequence[xr.Dataset]) -> IntArray:
    """Counts (recording, 3, class) summed over repetitions: true positives, false positives, false negatives.

    >>> confusion = xr.DataArray([[[3, 1], [0, 2]]], dims=("recording", "scene_reference", "scene_estimated"))
    >>> sum_of_counts([xr.Dataset({"confusion_by_recording": confusion})] * 2).tolist()
    [[[6, 4], [0, 2], [2, 0]]]
    """
    return np.asarray(np.sum([_counts(result) for result in repetitions], axis=0, dtype=np.int64))


def _counts(result: xr.Dataset) -> IntArray:
    if "confusion_by_recording" in result:
        dims = ("recording", "scene_reference", "scene_estimated")
        confusion = result["confusion_by_recording"].transpose(*dims).values
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        return np.stack([hits, confusion.sum(axis=1) - hits, confusion.sum(axis=2) - hits], axis=1)
    parts = [result[f"{name}_by_recording"].transpose("recording", "event").values for name in Counts._fields]
    return np.stack(parts, axis=1)


def _scored(name: str, sums: IntArray) -> FloatArray:
    """A score (1 + resample,) of sums (1 + resample, 3, class)."""
    return SCORES[name](Counts(*np.moveaxis(sums, 1, 0)))


def _found(by_evaluator: Mapping[str, Sequence[xr.Dataset]], evaluator: str, method: str) -> Sequence[xr.Dataset]:
    found = by_evaluator.get(evaluator, ())
    if not found:
        raise ComparisonError(
            f"{method!r} has no results of an evaluator {evaluator!r}. {suggestion(evaluator, by_evaluator)}"
            f"It has: {', '.join(by_evaluator) or 'none'}."
        )
    for result in found:
        counted = {f"{name}_by_recording" for name in Counts._fields} <= set(result)
        if not (counted or "confusion_by_recording" in result):
            raise ComparisonError(
                f"{method!r}: the results of {evaluator!r} hold no counts by recording (tp_by_recording and so on, or "
                "confusion_by_recording), without which nothing can be resampled. Compare by another evaluator."
            )
    return found


def _check_alike(method: str, ours: Sequence[xr.Dataset], baseline: str, theirs: Sequence[xr.Dataset]) -> None:
    if len(ours) != len(theirs):
        raise ComparisonError(
            f"{method!r} has {len(ours)} repetitions, {baseline!r} {len(theirs)}. Run both with the same seeds."
        )
    for result in ours:
        for what, one, other in (
            ("criterion", result.attrs.get("criterion"), theirs[0].attrs.get("criterion")),
            *((name, _names(result, name), _names(theirs[0], name)) for name in ("recording", "event", "scene")),
        ):
            if one != other:
                raise ComparisonError(
                    f"{method!r} and {baseline!r} were not evaluated alike: the {what} differs. Compare methods on one "
                    "corpus, with the same split, by the same evaluator."
                )


def _names(result: xr.Dataset, dim: str) -> list[str]:
    return [str(name) for name in result[dim].values] if dim in result.coords else []
