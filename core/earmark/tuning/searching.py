"""From a search to its trials: what is missing of them is made, in one process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from earmark.devices import resolve_device
from earmark.pipeline import extracted
from earmark.plugins import BY_HAND
from earmark.processes import n_processors
from earmark.protocols import Engine
from earmark.tuning.description import SearchError
from earmark.tuning.following import Follower
from earmark.tuning.journal import Journal, mend
from earmark.tuning.search import OpenSearch
from earmark.tuning.trials import Draw, TrialWork
from earmark.workshop import Work


def run_search(
    opened: OpenSearch,
    n_trials: int,
    *,
    device: str = "auto",
    workers: int | None = None,
    advance: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Journal:
    """Make the first draws of a search, as far as they are not made yet.

    Killed at any moment, the same call goes on: a trial that was under way is found in the journal as running, and goes
    on with the same parameters from its last saved epoch, or from its first.

    Args:
        opened: the search.
        n_trials: draws 0 to n_trials - 1 are complete or pruned in the end.
        device: "auto", "cpu", "cuda" or "cuda:1".
        workers: processes, with one thread each; 1 for this process. None for one a processor on the CPU, else for
            this process.
        advance: called with (done, total) clips while features are extracted.
        say: told what becomes of the trials, in lines.

    Returns:
        The journal.

    Raises:
        SearchError: another process makes trials of this search, or Optuna is not installed.
        EarmarkError: a trial cannot be made; what was finished is kept.
    """
    study, where = opened.study, resolve_device(device)
    lock = f"search-{opened.address}"
    if study.store.held(lock):
        raise SearchError(
            f"{study.experiment.name}: another process makes trials of this search ({opened.address}). Wait for its "
            "end, or stop it: nothing that it has finished is lost."
        )
    with study.store.lock(lock):
        mend(opened.journal)
        journal = Journal(opened.journal, opened.search)
        done = {trial.draw for trial in journal.trials() if trial.state != "running"}
        draws = [Draw(number) for number in range(n_trials) if number not in done]
        if not draws:
            return journal
        extracted(study, advance)
        engine = _engine(opened, workers or (n_processors() if where.type == "cpu" else 1))
        before = [job for job in study.missing() if job.stage != opened.search.stage]
        if before:
            engine.execute(before, Work(study, str(where)))
        with _following(opened, journal, n_trials, say):
            engine.execute(draws, TrialWork(opened, str(where)))
    return journal


@contextmanager
def _following(
    opened: OpenSearch, journal: Journal, n_trials: int, say: Callable[[str], None] | None
) -> Iterator[None]:
    if say is None:
        yield
        return
    follower, manager = Follower(journal, n_trials, say), opened.study.manager
    manager.register(follower, "follower of trials")
    try:
        yield
    finally:
        manager.unregister("follower of trials")
        follower.look()  # nobody speaks after the last trial was given up


def _engine(opened: OpenSearch, n_workers: int) -> Engine:
    manager = opened.study.manager
    # Other processes do not have what was registered by hand.
    by_hand = any(given.distribution == BY_HAND for given in manager.given())
    if n_workers == 1 or by_hand:
        local: Engine = manager.build("engine", "local", {}, "--workers")
        return local
    several: Engine = manager.build("engine", "processes", {"workers": n_workers}, "--workers")
    return several
