"""Versions of installed distributions, which stand beside every result."""

from __future__ import annotations

import functools
from importlib.metadata import version

installed_version = functools.cache(version)
"""Version of a distribution by its name, read once: it is asked for at every run."""
