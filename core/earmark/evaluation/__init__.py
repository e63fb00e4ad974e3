"""Judging lists of events: files, counts, scores, intervals, reports."""
