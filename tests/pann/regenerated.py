"""Weights that anyone can regenerate from the names of the tensors alone, and the signal that they are tried on."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch


def regenerated(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights of a tensor from its name alone, of realistic scale."""
    seed = int.from_bytes(hashlib.sha256(f"cnn14:{key}".encode()).digest()[:4], "little")
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    fan_in = math.prod(shape[1:])
    bound = math.sqrt(6 / max(fan_in, 1))
    low, high = {
        "bn0.running_mean": (-35, -15),
        "bn0.running_var": (100, 300),
        "fc1.weight": (-bound, bound),
        "fc1.bias": (-0.1, 0.1),
        "fc_audioset.weight": (-0.02, 0.02),
        "fc_audioset.bias": (-1, 1),
    }.get(
        key,
        (-0.1, 0.1) if key.endswith(("running_mean", "bias"))
        else (0.3, 0.7) if key.endswith("running_var")
        else (-bound, bound) if ".conv" in key
        else (0.8, 1.2),
    )  # fmt: skip
    values = np.random.RandomState(seed).uniform(low, high, size=shape)
    if ".conv" in key and len(shape) == 4:
        values -= values.mean(axis=(1, 2, 3), keepdims=True)
    return torch.from_numpy(values.astype(np.float32))


def golden_signal(rate_hz: int) -> torch.Tensor:
    """Two seconds (1, sample) of noise, tones and a chirp."""
    n = 2 * rate_hz
    s = np.arange(n) / rate_hz
    x = 0.001 * np.random.RandomState(0).standard_normal(n)
    x += 0.2 * np.sin(2 * np.pi * 440 * s)
    x += 0.1 * np.sin(2 * np.pi * 3000 * s) * np.sin(2 * np.pi * 2 * s) ** 2
    x += 0.05 * np.sin(2 * np.pi * (200 * s + 900 * s**2))
    return torch.from_numpy(x.astype(np.float32))[None]
