from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from earmark.experiment import StoppingRef
from earmark.stopping import EarlyStopping


def stopping(scores, **rule):
    given = iter(scores)
    return EarlyStopping(StoppingRef(use="any", score="f", **rule), lambda model: next(given))


def trained(scores, n_epochs=50, **rule):
    """Epochs run, the best of them, and the weight that is kept; the weight of epoch n is n."""
    watch, model = stopping(scores, **rule), nn.Linear(1, 1)
    n_done = 0
    while n_done < n_epochs and not watch.over(n_done):
        n_done += 1
        nn.init.constant_(model.weight, n_done)
        watch.judged(model, n_done, last=n_done == n_epochs)
    watch.restore_best(model)
    return n_done, watch.best_epoch, model.weight.item()


def test_a_training_ends_after_more_than_patience_epochs_without_a_better_score():
    assert trained([0.1, 0.5, 0.5, 0.4, 0.3, 0.2], patience=2) == (5, 2, 2.0)  # the second 0.5 is no improvement


def test_a_training_runs_its_least_epochs_whatever_the_score():
    assert trained([0.5] + [0.1] * 20, patience=2, at_least=8) == (8, 1, 1.0)


def test_epochs_between_judgements_count_as_no_improvement():
    assert trained([0.1, 0.2, 0.1, 0.1, 0.1], patience=3, every=2) == (8, 4, 4.0)  # judged after 2, 4, 6 and 8


def test_the_last_epoch_is_judged_in_any_case():
    assert trained([0.1, 0.9], n_epochs=3, every=2) == (3, 3, 3.0)


def test_a_score_that_is_no_number_is_never_the_best():
    assert trained([math.nan, 0.1, math.nan], n_epochs=3) == (3, 2, 2.0)
    n_done, best, weight = trained([math.nan] * 3, n_epochs=3)
    assert (n_done, best, weight) == (3, 0, 3.0)  # nothing to go back to


def test_the_best_weights_survive_an_interruption():
    first, model = stopping([0.3, 0.1], patience=5), nn.Linear(1, 1)
    for n_done in (1, 2):
        nn.init.constant_(model.weight, n_done)
        first.judged(model, n_done, last=False)
    second = stopping([0.2], patience=5)
    second.load(*first.state(), torch.device("cpu"))
    second.judged(model, 3, last=False)
    second.restore_best(model)
    assert (second.best_epoch, second.best_score, model.weight.item()) == (1, 0.3, 1.0)


@pytest.mark.parametrize("field", [{"patience": -1}, {"every": 0}])
def test_a_rule_that_means_nothing_is_refused(field):
    with pytest.raises(ValueError, match="greater than or equal"):
        StoppingRef(use="any", score="f", **field)
