from __future__ import annotations

import math

import pytest

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables_claims import Claim, claims_table


def row(higher, lower, **fields):
    return claims_table([Claim(text="a beats b", higher=higher, lower=lower, **fields)]).iloc[0]


def test_a_claim_holds_where_the_whole_interval_lies_on_its_side():
    found = row([0.50, 0.52, 0.54], [0.40, 0.40, 0.40])
    # Differences 10, 12, 14 %: mean 12, sd 2, t(0.975, 2) = 4.303.
    assert found["difference"] == pytest.approx(12)
    assert found["low"] == pytest.approx(12 - 4.3027 * 2 / math.sqrt(3), abs=1e-3)
    assert (found["n_true"], found["n"], found["verdict"]) == (3, 3, "holds")


def test_a_claim_that_is_true_on_the_mean_only_holds_in_part():
    found = row([0.6, 0.5, 0.5], [0.5, 0.5, 0.52])
    assert (found["n_true"], found["verdict"]) == (1, "holds in part")


def test_a_claim_whose_mean_is_on_the_other_side_does_not_hold():
    assert row([0.4, 0.5], [0.5, 0.5])["verdict"] == "does not hold"
    assert row([0.5, 0.5], [0.5, 0.5])["verdict"] == "does not hold"  # no difference is not higher


def test_one_repetition_is_never_enough_for_holding():
    assert row([0.9], [0.1])["verdict"] == "holds in part"


def test_a_margin_must_be_passed_and_one_number_stands_for_all_repetitions():
    assert row([0.5, 0.5001, 0.4999], [0.1], margin=0.3)["verdict"] == "holds"
    assert row([0.5, 0.5001, 0.4999], [0.1], margin=0.45)["verdict"] == "does not hold"


@pytest.mark.parametrize(
    ("higher", "lower", "said"),
    [
        ([0.1, 0.2], [0.1, 0.2, 0.3], "compares 2 scores with 3"),
        ([], [0.1], "compares 0 scores with 0"),
        ([math.nan], [0.1], "not finite"),
    ],
)
def test_scores_that_cannot_be_paired_are_refused(higher, lower, said):
    with pytest.raises(EvaluationError, match=said):
        row(higher, lower)
