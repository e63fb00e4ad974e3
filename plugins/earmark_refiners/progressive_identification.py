"""Progressive identification: which candidates sound in a clip is decided little by little, by the model itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import xarray as xr

from earmark.errors import TargetsError
from earmark.targets import Targets
from earmark_refiners.frame_labels import clip_posterior


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressiveIdentification:
    """Weighs the candidates of a clip by the model's clip posteriors; the weights are its weak label.

    With p the clip posteriors and S the candidate set, the weak label is p_m / max over k in S of p_k for m in S, and 0
    outside. Use it ``by = "itself"``, with a loss of weak labels, and with a model whose clip logits are those of its
    frames: a separate weak branch sees the same candidate set in all clips of a scene, and can tell none apart.

    Source: Lv et al., "Progressive identification of true labels for partial-label learning", ICML 2020 (PRODEN):
    weights p_m / sum over S of p_k, from the model being trained, renewed as it learns. Changed for events, of which
    several can be true: the largest posterior takes the place of the sum, so that the best supported candidate weighs 1
    and others can as well. As in PRODEN, equal posteriors give equal weights: a model that knows nothing starts from
    the whole candidate set, which is [partial_labels]' first training. As there, every clip is assumed to hold at least
    one of its candidates. Weights are renewed once an epoch, not at each step.
    """

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Give weak labels to the clips that have a candidate set; known ones stay.

        Raises:
            TargetsError: the targets have no candidate sets, or predictions lack the clip posterior or a clip, or are
                of another vocabulary.
        """
        if targets.candidate is None or targets.candidate_known is None:
            raise TargetsError(
                "Progressive identification chooses among candidates, but these targets have no candidate sets. "
                'Add a label source that gives them to the share, such as "partial".'
            )
        rows = torch.nonzero(targets.candidate_known).flatten()
        posterior = clip_posterior(targets, predictions, rows)
        among = torch.where(targets.candidate[rows], posterior, 0.0)
        # Where no candidate has any probability, or there is none, nothing is divided: all weights are 0.
        largest = among.amax(dim=1, keepdim=True)
        weight = among / torch.where(largest > 0, largest, 1.0)
        known = targets.clip_event_known
        if targets.clip_event is None or known is None:
            known = torch.zeros(len(targets), len(targets.events), dtype=torch.bool)
            label = torch.zeros(known.shape)
        else:
            label = targets.clip_event.to(torch.float32, copy=True)
        label[rows] = torch.where(known[rows], label[rows], weight)
        return replace(targets, clip_event=label, clip_event_known=known | targets.candidate_known[:, None])
