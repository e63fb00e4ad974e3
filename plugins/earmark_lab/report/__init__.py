"""A page about an experiment: what was run, what came out, and clips to listen to."""

from earmark_lab.report.page import render, write_report

__all__ = ["render", "write_report"]
