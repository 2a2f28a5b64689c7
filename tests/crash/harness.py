"""The crash harness: a warm parent forks children that die at a chosen crash point; only the emulators are believed.

A round is a story (records that are new, or changed) told until a process lives through it. It is judged by what the
emulated destination has seen, never by our own ledger.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg

from ml_connector.core import crashpoints
from ml_connector.core.embedded import Embedded
from tests.installation import Installation

DIED = 137
STUCK = 124
_PATIENCE = 90.0
"""Seconds for one process of a story."""
_UNKNOWN_REACH = 40
_TABLES = (
    "effect, body, batch, run, run_window, watermark, lease, link, audit_head, audit_block, audit_entry, connection, "
    "inbox, document, document_number, mention, rate_bucket, presence"
)
Journey = Callable[[str, int], Coroutine[Any, Any, bool]]
"""Runs once as flow run ``id``, for the n-th time; True when it completed."""


class Story(Protocol):
    """What happens at the vendors in a round, and what must have come of it at the destination."""

    @property
    def system(self) -> str:
        """The destination."""
        ...

    @property
    def faults(self) -> Sequence[dict[str, Any]]:
        """What may go wrong there; a round draws a few."""
        ...

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:
        """Set the scene; ``tell`` runs the journey once, undisturbed, for what is to be there before.

        ``owner``: the database, past row-level security.
        """
        ...

    def expected(self, name: str) -> int:
        """How many effects there must be."""
        ...

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:
        """What is lost, and what was done twice, among the effects behind number ``since``."""
        ...


@dataclass(slots=True)
class Plan:
    """What is to happen in a round: at which crash point each process dies, and what the vendor does.

    A crash point is the n-th that the process comes to (0: none), or the first of a name.
    """

    story: str
    deaths: Sequence[int | str]
    faults: list[dict[str, Any]] = field(default_factory=list)
    same_run: bool = True


@dataclass(slots=True)
class Verdict:
    """What the emulator saw of a round."""

    lost: list[str]
    doubled: list[str]
    died_at: list[str]
    processes: int

    @property
    def clean(self) -> bool:
        return not self.lost and not self.doubled


@dataclass(slots=True)
class Tally:
    """The sum of many rounds."""

    rounds: int = 0
    effects: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    bad: list[tuple[Plan, Verdict]] = field(default_factory=list)

    def add(self, plan: Plan, verdict: Verdict, effects: int) -> None:
        self.rounds += 1
        self.effects += effects
        self.deaths.update(verdict.died_at)
        self.lost += len(verdict.lost)
        self.doubled += len(verdict.doubled)
        if not verdict.clean:
            self.bad.append((plan, verdict))


class Harness:
    """Rounds of one journey in one installation."""

    def __init__(
        self, installation: Installation, postgres: Embedded, database: str, journey: Journey, story: Story
    ) -> None:
        self.installation = installation
        self.sandbox = installation.sandbox
        self.journey = journey
        self.story = story
        self._owner = psycopg.connect(postgres.uri(database), autocommit=True)
        self._owner.execute("set synchronous_commit = off")
        self._before = 0
        self._reach = 0
        """How many crash points a journey comes to, as far as sweeps have shown."""
        gc.freeze()  # what a child does not touch it shares with its parent

    def close(self) -> None:
        gc.unfreeze()
        self._owner.close()

    def sweep(self, story: str, tally: Tally, *, faults: Sequence[dict[str, Any]] = ()) -> None:
        """Die at the first crash point, then at the second, ... until a process lives through all of them."""
        k = 0
        died = True
        while died:
            k += 1
            plan = Plan(story, [k], list(faults), same_run=k % 2 == 0)
            verdict = self.round(plan)
            tally.add(plan, verdict, self.story.expected(story))
            died = bool(verdict.died_at)
        self._reach = max(self._reach, k)

    def once_at_each(self, story: str, points: Sequence[str], tally: Tally) -> None:
        """Die at the first crash point of each of these names: a short sweep."""
        for n, point in enumerate(points):
            plan = Plan(story, [point], same_run=n % 2 == 0)
            tally.add(plan, self.round(plan), self.story.expected(story))

    def leave_in_doubt(self, story: str, tally: Tally) -> None:
        """Die when a write has left, and then again when the next process has asked what became of it.

        Only a process that takes over from a dead one comes to that point: a sweep of single deaths does not.
        """
        plan = Plan(story, ["upsert.sent", "upsert.probed"], same_run=False)
        tally.add(plan, self.round(plan), self.story.expected(story))

    def shuffle(self, rounds: int, seed: int, tally: Tally) -> None:
        """Random stories with up to three deaths, lost responses and reads that lag behind writes."""
        dice, reach = random.Random(seed), self._reach or _UNKNOWN_REACH
        for _ in range(rounds):
            deaths: list[int | str] = [dice.randint(1, reach) for _ in range(dice.randint(0, 3))]
            faults = dice.sample(self.story.faults, dice.randint(0, 3))
            plan = Plan(dice.choice(("new", "changed")), deaths, faults, same_run=dice.random() < 0.5)
            tally.add(plan, self.round(plan), self.story.expected(plan.story))

    def round(self, plan: Plan) -> Verdict:
        """Tell one story until it is over."""
        self._begin(plan.story)
        since = len(self.sandbox.effects(self.story.system))
        for fault in plan.faults:
            self.sandbox.fault(self.story.system, **fault)
        died_at: list[str] = []
        for attempt in range(1, 13):
            death = plan.deaths[attempt - 1] if attempt <= len(plan.deaths) else 0
            run = "run-1" if plan.same_run else f"run-{attempt}"
            code, name = self._fork(run, attempt if plan.same_run else 1, death)
            if code == DIED:
                died_at.append(name)
                self._time_passes()
            elif code == 0:
                break
        self.sandbox.clear_faults()
        lost, doubled = self.story.judge(plan.story, since)
        return Verdict([f"{plan.story} {one}" for one in lost], doubled, died_at, attempt)

    def _begin(self, story: str) -> None:
        self.sandbox.reset()
        self.sandbox.settings("zendesk", job_delay=0.002)
        self._owner.execute(f"truncate {_TABLES}")
        self.story.begin(story, self._undisturbed, self._owner)

    def _undisturbed(self) -> None:
        self._before += 1
        code, said = self._fork(f"run-0-{self._before}", 1, 0)
        assert code == 0, f"the story could not be set up: {said}"

    def _time_passes(self) -> None:
        """The dead process' lease runs out, and an export that stands behind events is due."""
        self._owner.execute("update lease set until = clock_timestamp()")
        self._owner.execute("update watermark set updated_at = updated_at - interval '1 h'")

    def _fork(self, run: str, count: int, death: int | str) -> tuple[int, str]:
        """Run the journey in a child that dies at the crash point ``death``; its exit code and where it died."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._child(run, count, death, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            name = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code != STUCK, f"a process does not end:\n{name}"
        return code, name

    def _child(self, run: str, count: int, death: int | str, writer: int) -> None:
        gc.disable()
        passed = 0

        def on_point(name: str) -> None:
            nonlocal passed
            passed += 1
            if death in (passed, name):
                os.write(writer, name.encode())
                os._exit(DIED)

        code = 3
        try:
            crashpoints.arm(on_point)
            code = 0 if asyncio.run(_in_time(self.journey(run, count), writer)) else 2
        except BaseException as error:  # noqa: BLE001 - the child must not return into the parent's stack
            os.write(writer, f"{type(error).__name__}: {error}".encode())
            if os.environ.get("CRASH_TRACE"):
                import traceback

                traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


async def _in_time(journey: Awaitable[bool], writer: int) -> bool:
    """The result of a journey. One that does not end says where it stands: no cancellation is counted on."""
    task = asyncio.ensure_future(journey)
    done, _ = await asyncio.wait([task], timeout=_PATIENCE)
    if not done:
        stacks = io.StringIO()
        for one in asyncio.all_tasks():
            one.print_stack(file=stacks)
        os.write(writer, stacks.getvalue().encode()[:60_000])  # a pipe holds 64 KiB
        os._exit(STUCK)
    return task.result()
