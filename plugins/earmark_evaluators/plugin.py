"""Names of the evaluators, of the criteria, and of the post-processing that belongs to an evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_evaluators.adaptive_oracle import AdaptiveOracleEvaluator
from earmark_evaluators.adaptive_post_processing import AdaptiveThresholds
from earmark_evaluators.criteria import ClipBased, EventBased, IntersectionBased, SegmentBased
from earmark_evaluators.frame import FrameEvaluator
from earmark_evaluators.intersection import IntersectionEvaluator
from earmark_evaluators.nearest_centre import NearestCentreEvaluator
from earmark_evaluators.scene import SceneEvaluator
from earmark_evaluators.scene_accuracy import SceneAccuracyEvaluator
from earmark_evaluators.segment import SegmentEvaluator
from earmark_evaluators.tagging import TaggingEvaluator
from earmark_evaluators.through_psds_eval import PsdsEval
from earmark_evaluators.through_sed_eval import EventSedEval, SegmentSedEval

if TYPE_CHECKING:
    from pathlib import Path

    from earmark.tuning.results import Found


@hookimpl
def earmark_evaluators() -> Mapping[str, Factory]:
    """Event and scene evaluators."""
    return {
        "frame": FrameEvaluator,
        "adaptive-oracle": AdaptiveOracleEvaluator,
        "segment": SegmentEvaluator,
        "segment-sed-eval": SegmentSedEval,
        "event-sed-eval": EventSedEval,
        "intersection": IntersectionEvaluator,
        "psds-eval": PsdsEval,
        "scene": SceneEvaluator,
        "tagging": TaggingEvaluator,
        "nearest-centre": NearestCentreEvaluator,
        "scene-accuracy": SceneAccuracyEvaluator,
    }


@hookimpl
def earmark_criteria() -> Mapping[str, Factory]:
    """Criteria for lists of events."""
    return {"segment": SegmentBased, "event": EventBased, "intersection": IntersectionBased, "clip": ClipBased}


@hookimpl
def earmark_post_processors() -> Mapping[str, Factory]:
    """The evaluator adaptive-oracle without its oracle."""
    return {"adaptive-thresholds": AdaptiveThresholds}


@hookimpl
def earmark_search_ended(found: Found, folder: Path) -> None:
    """Draw a search."""
    from earmark_evaluators.figures_search import draw_search

    draw_search(found, folder)
