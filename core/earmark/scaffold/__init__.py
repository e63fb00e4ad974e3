"""Writes the project of a plugin that works, for its author to change."""
