"""Frame-based evaluation at thresholds that are chosen on the clips a run was trained on."""

from __future__ import annotations

import json

import xarray as xr

from earmark.experiment import PluginRef
from earmark.postprocessing import decisions, fitted
from earmark.study import Study
from earmark_evaluators.frame import FrameEvaluator


def adaptive_train(study: Study, stage: str, seed: int) -> xr.Dataset:
    """Evaluate a run as ``adaptive-oracle`` does, but at thresholds that know nothing of the test clips.

    Source: [soft_scene_labels], section 9, ``adaptive_train``.

    Args:
        study: one fold of an experiment.
        stage: one that predicts the training clips too: ``predict = ["train", "test"]``.
        seed: of the repetition.

    Returns:
        What the evaluator ``frame`` returns; the thresholds stand in the attribute ``postprocessing``.

    Raises:
        StoreError: the run is not done, or has not predicted the training clips.
    """
    reference = study.reference_of("train")
    training = study.predictions(stage, seed, "train").sel(clip=list(reference.clip_ids)).load()
    steps = fitted((PluginRef(use="adaptive-thresholds"),), training, reference, study.manager)
    decided = decisions(steps, study.predictions(stage, seed), study.grid.hop_s, study.manager)
    result = FrameEvaluator().evaluate(study.reference, decided)
    return result.assign_attrs(postprocessing=json.dumps([step.model_dump() for step in steps]))
