"""The crash harness: a warm parent forks children that die at a chosen crash point; only the emulator is believed.

A round is one story (customers and contacts that are new, or changed) told until a process lives through it. It is
judged by the effects that the emulated Zendesk has seen, never by our own ledger.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from connectors.zendesk import jobs
from ml_connector.core import crashpoints
from ml_connector.core.embedded import Embedded
from ml_connector.core.http import HttpClient, HttpPolicy
from tests.installation import Installation

DIED = 137
_TABLES = (
    "effect, body, batch, run, run_window, watermark, lease, link, audit_head, audit_block, audit_entry, connection"
)
Journey = Callable[[str, int], Coroutine[Any, Any, bool]]
"""Runs once as flow run ``id``, for the n-th time; True when it completed."""


@dataclass(slots=True)
class Plan:
    """What is to happen in a round: at which crash point each process dies (0: at none), and what the vendor does."""

    story: str
    deaths: list[int]
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

    def __init__(self, installation: Installation, postgres: Embedded, database: str, journey: Journey) -> None:
        self.installation = installation
        self.sandbox = installation.sandbox
        self.journey = journey
        self._owner = psycopg.connect(postgres.uri(database), autocommit=True)
        self._owner.execute("set synchronous_commit = off")
        gc.freeze()  # what a child does not touch it shares with its parent
        # the emulator answers within milliseconds; waiting for it is not what is tested
        jobs._SOONEST = 0.004
        (HttpClient.__init__.__kwdefaults__ or {})["policy"] = HttpPolicy(backoff=0.01)

    def close(self) -> None:
        self._owner.close()

    def sweep(self, story: str, tally: Tally) -> None:
        """Die at the first crash point, then at the second, ... until a process lives through all of them."""
        k = 0
        died = True
        while died:
            k += 1
            plan = Plan(story, [k], same_run=k % 2 == 0)
            verdict = self.round(plan)
            tally.add(plan, verdict, self._expected(story))
            died = bool(verdict.died_at)

    def shuffle(self, rounds: int, seed: int, tally: Tally, reach: int = 40) -> None:
        """Random stories with up to three deaths, lost responses and reads that lag behind writes."""
        dice = random.Random(seed)
        for _ in range(rounds):
            deaths = [dice.randint(1, reach) for _ in range(dice.randint(0, 3))]
            plan = Plan(dice.choice(("new", "changed")), deaths, _faults(dice), same_run=dice.random() < 0.5)
            tally.add(plan, self.round(plan), self._expected(plan.story))

    def round(self, plan: Plan) -> Verdict:
        """Tell one story until it is over."""
        self._begin(plan.story)
        since = len(self.sandbox.effects())
        for fault in plan.faults:
            self.sandbox.fault("zendesk", **fault)
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
        return self._judge(plan.story, since, died_at, attempt)

    def _begin(self, story: str) -> None:
        self.sandbox.reset()
        self.sandbox.settings("zendesk", job_delay=0.002)
        self._owner.execute(f"truncate {_TABLES}")
        asyncio.run(self.installation.prepare())
        self.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
        self.sandbox.seed("oracle_fusion", "contacts", CONTACTS)
        if story == "changed":
            code, _ = self._fork("run-0", 1, 0)
            assert code == 0, "the story could not be set up"
            # the source's clock counts whole seconds: what was changed in the current one is for the next window
            when = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
            change = {"count": CHANGED, "last_update_date": when}
            self.sandbox.mutate("oracle_fusion", "hubOrganizations", set={"City": "Elsewhere"}, **change)
            self.sandbox.mutate("oracle_fusion", "hubPersons", set={"RawWorkPhoneNumber": "+4930555000"}, **change)

    def _expected(self, story: str) -> int:
        return 2 * CHANGED if story == "changed" else CUSTOMERS + 2 * CONTACTS

    def _time_passes(self) -> None:
        """The dead process' lease runs out."""
        self._owner.execute("update lease set until = clock_timestamp()")

    def _fork(self, run: str, count: int, death: int) -> tuple[int, str]:
        """Run the journey in a child that dies at its ``death``-th crash point; its exit code and where it died."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._child(run, count, death, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            name = pipe.read()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), name

    def _child(self, run: str, count: int, death: int, writer: int) -> None:
        gc.disable()
        passed = 0

        def on_point(name: str) -> None:
            nonlocal passed
            passed += 1
            if passed == death:
                os.write(writer, name.encode())
                os._exit(DIED)

        code = 3
        try:
            crashpoints.arm(on_point)
            code = 0 if asyncio.run(self.journey(run, count)) else 2
        except BaseException as error:  # noqa: BLE001 - the child must not return into the parent's stack
            os.write(writer, f"{type(error).__name__}: {error}".encode())
            if os.environ.get("CRASH_TRACE"):
                import traceback

                traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _judge(self, story: str, since: int, died_at: list[str], processes: int) -> Verdict:
        seen: Counter[tuple[str, str]] = Counter(
            (effect["kind"], effect["key"]) for effect in self.sandbox.effects(since=since)
        )
        counted = ("created", "updated")
        doubled = [f"{kind} {key} x{n}" for (kind, key), n in seen.items() if kind.endswith(counted) and n > 1]
        if story == "new":
            doubled += [f"{kind} {key}, just created" for kind, key in seen if kind.endswith(".updated")]
        return Verdict(self._lost(story), doubled, died_at, processes)

    def _lost(self, story: str) -> list[str]:
        """What the source holds and the emulated Zendesk does not."""
        organizations = {o["external_id"]: o for o in self.sandbox.state("zendesk", "organizations")}
        users = {u["external_id"]: u for u in self.sandbox.state("zendesk", "users") if u["external_id"]}
        lost = []
        for row in self.sandbox.state("oracle_fusion", "hubOrganizations"):
            found = organizations.get(row["PartyNumber"])
            address = (found or {}).get("organization_fields", {}).get("billing_address") or ""
            if found is None or (row.get("City") or "") not in address:
                lost.append(f"{story} organization {row['PartyNumber']}")
        by_id = {str(o["id"]): o["external_id"] for o in organizations.values()}
        for row in self.sandbox.state("oracle_fusion", "hubPersons"):
            user = users.get(row["PartyNumber"])
            phone = row.get("RawWorkPhoneNumber")
            if (
                user is None
                or by_id.get(str(user["organization_id"])) != row["OrganizationPartyNumber"]
                or (story == "changed" and phone == "+4930555000" and user["phone"] != phone)
            ):
                lost.append(f"{story} user {row['PartyNumber']}")
        return lost


CUSTOMERS, CONTACTS, CHANGED = 4, 4, 2


def _faults(dice: random.Random) -> list[dict[str, Any]]:
    possible: list[dict[str, Any]] = [
        {"fault": "lose_response", "method": "POST", "path": "/api/v2/*_many", "times": 1},
        {"fault": "lose_response", "method": "PUT", "path": "/api/v2/*_many", "times": 1},
        {"fault": "apply_then_status", "method": "P*", "path": "/api/v2/*_many", "times": 1, "status": 504},
        {"fault": "status", "method": "P*", "path": "/api/v2/*_many", "times": 1, "status": 503},
        {"fault": "reset", "method": "GET", "path": "/api/v2/*", "times": 2},
        {"fault": "search_lag", "seconds": 0.05},
        {"fault": "job_delay", "seconds": 0.03},
    ]
    return dice.sample(possible, dice.randint(0, 3))
