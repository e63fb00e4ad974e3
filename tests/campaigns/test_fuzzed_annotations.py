"""A sample of the campaign that `tests/benchmarks/campaign_fuzz.py` runs at length."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import EDITS, FORMATS, mutated, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = 12
"""For each kind of file: some 300 in all."""

edits = st.lists(
    st.tuples(st.integers(0, len(EDITS) - 1), st.floats(0, 1), st.integers(0, 2**20)), min_size=1, max_size=5
)


@pytest.fixture(scope="module", params=FORMATS)
def laid(request, tmp_path_factory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("fuzzed")
    FORMATS[request.param].lay(folder)
    return request.param, folder


def test_a_file_of_every_kind_is_read_before_it_is_spoilt(laid):
    name, folder = laid
    assert outcome(FORMATS[name], folder, FORMATS[name].valid.encode()) is None


@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(edits=edits)
def test_a_spoilt_file_is_read_or_named(laid, edits):
    name, folder = laid
    said = outcome(FORMATS[name], folder, mutated(FORMATS[name].valid, edits))
    assert said is None or len(said) > 20
