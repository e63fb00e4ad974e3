"""Synthetic stand-ins: what is heard when, and how it sounds."""
