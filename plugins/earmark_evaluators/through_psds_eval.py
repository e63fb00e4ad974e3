"""Intersection-based macro F-score and PSDS through psds_eval, within bounds of memory.

psds_eval joins the detections of a file with each other, so that noisy posteriors at a low threshold cost the square
of their number: an operating point with too many pairs is left out, and the result says which. The library wants all
detections of an operating point at once, and keeps a table of the reference: memory grows with the events of the clips,
within that bound, not with their frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.errors import OptionError
from earmark.evaluation.scores import POLICY
from earmark.recordings import US_PER_S, to_us
from earmark.reference import Reference
from earmark.spans import Spans, spans
from earmark_evaluators.alignment import Aligned, check_durations, check_share, event_posteriors
from earmark_evaluators.intersection import criterion_name
from earmark_evaluators.results import frame_settings, versions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class PsdsEval:
    """Macro F-score at one threshold and PSDS over many, without cross-triggers; references are frame labels.

    Source: Bilen et al., "A framework for the robust evaluation of sound event detection", ICASSP 2020.
    """

    rho_dtc: float = 0.1
    """Detection tolerance criterion."""
    rho_gtc: float = 0.1
    """Ground truth intersection criterion."""
    threshold: float = 0.5
    """Threshold of the F-score."""
    n_operating_points: int = 50
    """Thresholds of PSDS: 1 / 2n, 3 / 2n, ... With fewer, PSDS comes out lower than it is."""
    max_efpr_per_hour: float = 100.0
    """False positives per hour up to which the curve is integrated."""
    max_pairs: int = 5_000_000
    """Pairs of detections of one clip, summed over clips, above which an operating point is left out; ten million
    take some 1.3 GB for a moment."""

    def __post_init__(self) -> None:
        for option in ("rho_dtc", "rho_gtc", "threshold"):
            check_share("The evaluator 'psds-eval'", option, getattr(self, option))
        for option in ("n_operating_points", "max_efpr_per_hour", "max_pairs"):
            if not getattr(self, option) > 0:
                raise OptionError(
                    f"The evaluator 'psds-eval': {option} = {getattr(self, option):g} must be greater than 0."
                )

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return scores; see `earmark.protocols.Evaluator`.

        Returns:
            ``fscore`` (event), ``fscore_macro``, ``fscore_macro_all``: the library's class scores under Earmark's
            policy; ``fscore_macro_psds_eval``: the library's own average; ``psds_alpha_st_0`` and ``psds_alpha_st_1``:
            PSDS without and with the penalty for variance between classes. PSDS is NaN without a reference event.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        check_durations(reference)
        posteriors = event_posteriors(reference, predictions)
        annotated = _joined((rows, spans(reference.activity_of(rows))) for rows, _ in posteriors)
        present = np.bincount(annotated.event, minlength=len(reference.events)) > 0
        library = _library(self, reference, annotated)
        fscores, too_many = self._fscores(library, reference, present, posteriors)
        areas, n_used, left_out = self._psds(library, reference, present, posteriors)
        if too_many:
            left_out = sorted({*left_out, self.threshold})
        absent = [event for event, here in zip(reference.events, present, strict=True) if not here]
        return xr.Dataset(
            {**fscores, **areas},
            {"event": list(reference.events)},
            {
                "policy": POLICY,
                "absent_events": absent,
                "n_clips": len(reference.clips),
                "criterion": criterion_name(self.rho_dtc, self.rho_gtc),
                "psds_eval": "classes absent from the reference are not handed over; fscore_macro_psds_eval leaves out "
                "classes that are never detected, so it can only be higher or equal",
                "psds": f"from {n_used} operating points up to {self.max_efpr_per_hour:g} false positives an hour; "
                "more points raise it",
                "n_operating_points": n_used,
                "left_out_thresholds": left_out,
                "left_out": f"{len(left_out)} thresholds gave more than {self.max_pairs} pairs of detections"
                if left_out
                else "",
                "rho_dtc": self.rho_dtc,
                "rho_gtc": self.rho_gtc,
                "threshold": self.threshold,
                "max_efpr_per_hour": self.max_efpr_per_hour,
                "max_pairs": self.max_pairs,
                "versions": versions("earmark", "psds_eval", "pandas"),
                **frame_settings(reference),
            },
        )

    def _fscores(
        self, library: Any, reference: Reference, present: npt.NDArray[np.bool_], posteriors: Aligned
    ) -> tuple[dict[str, Any], bool]:
        """The F-scores, and whether there were too many detections for them."""
        detected = np.any([(block >= self.threshold).any(axis=(0, 1)) for _, block in posteriors], axis=0)
        # What the library leaves undecided: 0 where something was there or estimated, NaN where neither was.
        fscore = np.where(present | detected, 0.0, np.nan)
        own_average = np.nan
        handed_over = self._detections(posteriors, self.threshold, present)
        if handed_over is None:
            fscore[present] = np.nan
        elif len(handed_over.clip):
            with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
                # Classes without a true positive are 0 / 0 there, and all of them may be.
                warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
                own_average, by_class = library.compute_macro_f_score(_table(reference, handed_over))
            for index, event in enumerate(reference.events):
                if present[index] and not np.isnan(by_class[event]):
                    fscore[index] = by_class[event]
        macro = fscore[present].mean() if present.any() else (0.0 if detected.any() else np.nan)
        scores = {
            "fscore": (("event",), fscore),
            "fscore_macro": float(macro),
            "fscore_macro_all": np.nan if handed_over is None else float(np.nan_to_num(fscore, nan=0.0).mean()),
            "fscore_macro_psds_eval": float(own_average),
        }
        return scores, handed_over is None

    def _detections(self, posteriors: Aligned, threshold: float, present: npt.NDArray[np.bool_]) -> Spans | None:
        """Detections of the classes that occur, at a threshold; None where they make too many pairs."""
        found: list[tuple[slice, Spans]] = []
        n_pairs = 0
        for rows, posterior in posteriors:
            found.append((rows, spans((posterior >= threshold) & present)))
            n_pairs += _n_pairs(found[-1][1])
            if n_pairs > self.max_pairs:
                return None
        return _joined(found)

    def _psds(
        self,
        library: Any,
        reference: Reference,
        present: npt.NDArray[np.bool_],
        posteriors: Aligned,
    ) -> tuple[dict[str, float], int, list[float]]:
        """The two numbers, the number of operating points, and the thresholds that were left out."""
        left_out: list[float] = []
        if not present.any():
            return {"psds_alpha_st_0": np.nan, "psds_alpha_st_1": np.nan}, 0, left_out
        thresholds = (np.arange(self.n_operating_points) + 0.5) / self.n_operating_points
        n_active = sum(
            np.array([np.count_nonzero((posterior >= threshold) & present) for threshold in thresholds])
            for _, posterior in posteriors
        )
        # Decisions only shrink as the threshold grows: an equal number means equal decisions.
        for threshold in thresholds[(n_active > 0) & (np.diff(n_active, prepend=-1) != 0)]:
            found = self._detections(posteriors, threshold, present)
            if found is None:
                left_out.append(float(threshold))
            else:
                library.add_operating_point(_table(reference, found))
        n_used = library.num_operating_points()
        if n_used == 0:
            value = np.nan if left_out else 0.0
            return {"psds_alpha_st_0": value, "psds_alpha_st_1": value}, 0, left_out
        with warnings.catch_warnings():
            # pandas deprecates fillna(method=...), and one class alone has no cross-trigger rate to average.
            warnings.filterwarnings("ignore", ".*fillna with 'method' is deprecated", FutureWarning)
            warnings.filterwarnings("ignore", "Mean of empty slice|Degrees of freedom", RuntimeWarning)
            # The curve over false positives alone: without cross-triggers it is the effective one, which is NaN where
            # one class alone occurs.
            curve = library.psd_roc_curves(alpha_ct=0.0)[0]
        values = {
            f"psds_alpha_st_{alpha_st}": psds(curve.xp, curve.mean, curve.std, alpha_st, self.max_efpr_per_hour)
            for alpha_st in (0, 1)
        }
        return values, n_used, left_out


def psds(
    fp_per_hour: npt.NDArray[np.floating],
    mean_tpr: npt.NDArray[np.floating],
    std_tpr: npt.NDArray[np.floating],
    alpha_st: float,
    max_efpr_per_hour: float,
) -> float:
    """Normalised area under the mean over classes of their ROC steps, less alpha_st standard deviations.

    psds_eval's own area fails on recent NumPy (2.4: int() of an array) unless a point of the curve lies exactly at
    the upper bound.

    Args:
        fp_per_hour: (point,), increasing from 0.
        mean_tpr: (point,), mean over classes of the true positive ratio.
        std_tpr: (point,), standard deviation over classes.
        alpha_st: cost of unequal classes.
        max_efpr_per_hour: false positives per hour up to which is integrated; beyond the last point the curve is flat.

    >>> psds(np.array([0.0, 50.0]), np.array([0.5, 1.0]), np.array([0.1, 0.0]), 1, 100.0)
    0.7
    """
    effective_tpr = np.maximum(mean_tpr - alpha_st * std_tpr, 0.0)
    steps = np.diff(np.minimum(fp_per_hour, max_efpr_per_hour), append=max_efpr_per_hour)
    return float((steps * effective_tpr).sum() / max_efpr_per_hour)


def _library(options: PsdsEval, reference: Reference, annotated: Spans) -> Any:
    import pandas as pd
    import psds_eval

    ids, durations_s = list(reference.clip_ids), [clip.duration_s for clip in reference.clips]
    return psds_eval.PSDSEval(
        dtc_threshold=options.rho_dtc,
        gtc_threshold=options.rho_gtc,
        cttc_threshold=1.0,
        ground_truth=_table(reference, annotated),
        metadata=pd.DataFrame({"filename": ids, "duration": durations_s}),
        duration_unit="hour",
    )


def _joined(blocks: Iterable[tuple[slice, Spans]]) -> Spans:
    """Spans of blocks of clips, each with its rows, as spans of all clips."""
    parts = [block._replace(clip=block.clip + rows.start) for rows, block in blocks]
    return Spans(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def _table(reference: Reference, found: Spans) -> pd.DataFrame:
    """Spans as psds_eval wants them."""
    import pandas as pd

    hop_us = to_us(reference.grid.hop_s)
    return pd.DataFrame(
        {
            "filename": np.array(reference.clip_ids, dtype=object)[found.clip],
            "onset": found.first * hop_us / US_PER_S,
            "offset": found.end * hop_us / US_PER_S,
            "event_label": np.array(reference.events, dtype=object)[found.event],
        }
    )


def _n_pairs(found: Spans) -> int:
    """Pairs of spans of one clip, summed over clips."""
    return int((np.bincount(found.clip).astype(np.int64) ** 2).sum())
