"""Evaluators, and the tables and figures of what they find."""
