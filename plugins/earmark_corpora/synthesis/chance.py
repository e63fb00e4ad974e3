"""Chance of the synthesis: repeatable whatever drew numbers before."""

from __future__ import annotations

import hashlib

import numpy as np

Rng = np.random.Generator


def generator(seed: int, *names: str) -> Rng:
    """Chance that depends on a seed and names alone, so neither on order nor on the number of workers."""
    digest = hashlib.blake2b("\n".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])
