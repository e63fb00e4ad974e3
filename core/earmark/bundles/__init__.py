"""Trained models that travel: bundles, their cards, and what they detect in recordings."""
