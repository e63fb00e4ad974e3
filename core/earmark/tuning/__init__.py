"""The search for hyper-parameters: what a stage may be, trials of it, and those that are given up early.

Source of the method: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020 (ASHA), as Optuna
has it: asynchronous, and what was given up is never resumed.
"""

from earmark.tuning.description import Search, read_search
from earmark.tuning.results import Found, found
from earmark.tuning.search import OpenSearch, open_search
from earmark.tuning.searching import run_search

__all__ = ["Found", "OpenSearch", "Search", "found", "open_search", "read_search", "run_search"]
