"""Relation-guided scene classification: two towers, and losses by which their answers must agree."""
