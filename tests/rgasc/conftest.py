"""Keeps small nets to one thread, which wait for each other where tests run side by side."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    pass
