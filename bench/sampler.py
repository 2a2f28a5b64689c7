"""Where the CPU time of a process goes: its stack, looked at every few milliseconds of CPU time.

The stack of a coroutine leads to the step of the journey that it works for, so each sample is counted twice: by that
step, and by the kind of work that is done in it.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

EVERY = 0.002
"""Seconds of CPU time between two samples; the kernel's clock may make more of it."""

Rule = tuple[str, str, str]
"""Part of a file's path, a function's name ("" for any), and what a frame of it is counted as."""

STEPS: tuple[Rule, ...] = (
    ("core/planning.py", "plan", "plan"),
    ("core/ledger.py", "claim", "claim"),
    ("core/ledger.py", "settle", "settle"),
    ("core/ledger.py", "close", "settle"),
    ("tasks/transform.py", "", "transform"),
    ("tasks/upsert.py", "resolve", "decide"),
    ("zendesk/organizations.py", "decide", "decide"),
    ("zendesk/client.py", "show_many", "decide"),
    ("zendesk/client.py", "get", "decide"),
    ("zendesk/jobs.py", "", "send"),
    ("zendesk/sending.py", "", "send"),
    ("zendesk/organizations.py", "", "send"),
    ("oracle_fusion/", "", "fetch"),
    ("tasks/fetch.py", "", "fetch"),
    ("tasks/upsert.py", "", "send"),
    ("bench/bare.py", "", "the loop"),
    ("prefect/", "", "Prefect"),
)
KINDS: tuple[Rule, ...] = (
    ("core/jsonx.py", "", "JSON"),
    ("json/", "", "JSON"),
    ("core/vault.py", "", "encryption"),
    ("psycopg", "", "psycopg"),
    ("aiohttp", "", "HTTP"),
    ("httpx", "", "HTTP"),
    ("core/http.py", "", "HTTP"),
    ("prefect/", "", "Prefect"),
    ("core/mapping.py", "", "mapping"),
    ("core/expressions.py", "", "mapping"),
    ("ml_connector/core/", "", "core"),
    ("tasks/", "", "tasks"),
    ("connectors/", "", "connectors"),
    ("bench/bare.py", "", "the loop"),
    ("asyncio/", "", "event loop"),
)


class Tally:
    """Samples by the first rule that the innermost frames fit."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._found: Counter[str] = Counter()

    def add(self, stack: Sequence[tuple[str, str]]) -> None:
        self._found[self._name(stack)] += 1

    def shares(self) -> dict[str, float]:
        """The share of each, the greatest first."""
        return {name: count / self._found.total() for name, count in self._found.most_common()}

    def _name(self, stack: Sequence[tuple[str, str]]) -> str:
        for file, function in stack:
            for part, wanted, name in self._rules:
                if part in file and wanted in ("", function):
                    return name
        return "other"


class Samples:
    def __init__(self) -> None:
        self.steps = Tally(STEPS)
        self.kinds = Tally(KINDS)

    def take(self, _: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append((frame.f_code.co_filename, frame.f_code.co_name))
            frame = frame.f_back
        self.steps.add(stack)
        self.kinds.add(stack)


@contextmanager
def sampling() -> Iterator[Samples]:
    """Sample the main thread for as long as the block lasts."""
    samples = Samples()
    before = signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
