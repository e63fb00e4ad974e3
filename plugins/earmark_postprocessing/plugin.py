"""Names of the post-processing steps."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_postprocessing.durations import MinimumDuration, MinimumGap
from earmark_postprocessing.median import MedianFilter
from earmark_postprocessing.thresholds import ClassThresholds, Hysteresis


@hookimpl
def earmark_post_processors() -> Mapping[str, Factory]:
    """Steps from posteriors to decisions."""
    return {
        "class-thresholds": ClassThresholds,
        "hysteresis": Hysteresis,
        "median-filter": MedianFilter,
        "minimum-duration": MinimumDuration,
        "minimum-gap": MinimumGap,
    }
