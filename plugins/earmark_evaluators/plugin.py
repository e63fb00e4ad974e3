"""Names of the evaluators and of the criteria."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_evaluators.criteria import ClipBased, EventBased, IntersectionBased, SegmentBased
from earmark_evaluators.frame import FrameEvaluator
from earmark_evaluators.intersection import IntersectionEvaluator
from earmark_evaluators.scene import SceneEvaluator
from earmark_evaluators.segment import SegmentEvaluator
from earmark_evaluators.through_psds_eval import PsdsEval
from earmark_evaluators.through_sed_eval import EventSedEval, SegmentSedEval


@hookimpl
def earmark_evaluators() -> Mapping[str, Factory]:
    """Event and scene evaluators."""
    return {
        "frame": FrameEvaluator,
        "segment": SegmentEvaluator,
        "segment-sed-eval": SegmentSedEval,
        "event-sed-eval": EventSedEval,
        "intersection": IntersectionEvaluator,
        "psds-eval": PsdsEval,
        "scene": SceneEvaluator,
    }


@hookimpl
def earmark_criteria() -> Mapping[str, Factory]:
    """Criteria for lists of events."""
    return {"segment": SegmentBased, "event": EventBased, "intersection": IntersectionBased, "clip": ClipBased}
