"""Candidate sets of events by scene, beside the truth and beside each other."""
