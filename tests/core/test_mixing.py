from __future__ import annotations

from earmark.mixing import draw


def test_strong_clips_of_a_smaller_share_are_among_those_of_a_larger_one():
    (small,), (large,) = draw(100, [0.2], seed=3), draw(100, [0.3], seed=3)
    assert len(small) == 20
    assert len(large) == 30
    assert set(small.tolist()) < set(large.tolist())


def test_all_methods_of_a_repetition_agree_on_the_strong_clips():
    (alone,) = draw(967, [0.3], seed=1)
    beside, rest = draw(967, [0.3, 0.7], seed=1)
    assert alone.tolist() == beside.tolist()
    assert len(beside) == 290  # round(0.3 * 967)
    assert len(rest) == 677


def test_shares_never_overlap_and_cover_all_that_is_given_away():
    parts = draw(7, [0.1, 0.4, 0.5], seed=0)
    assert sorted(index for part in parts for index in part.tolist()) == list(range(7))


def test_another_seed_draws_other_clips():
    assert draw(100, [0.3], seed=0)[0].tolist() != draw(100, [0.3], seed=1)[0].tolist()
