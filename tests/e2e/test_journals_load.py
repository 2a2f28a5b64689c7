"""Journals under load: runs that race and are killed, events that come twice and late, answers that are lost.

``E2E_COMPLETIONS=500 E2E_KILLS=50 E2E_RACERS=8 pytest -s -o timeout=3600 tests/e2e/test_journals_load.py`` is the long
version, with another ``E2E_SEED`` each time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from tests.boards import Boards
from tests.e2e.conftest import Owner
from tests.e2e.drains import Drains, is_there
from tests.installation import Installation
from tests.listening import listening
from tests.posting import STREAM, Posting, decide
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits

COMPLETIONS = int(os.environ.get("E2E_COMPLETIONS", "20"))
KILLS = int(os.environ.get("E2E_KILLS", "2"))
RACERS = int(os.environ.get("E2E_RACERS", "3"))
SEED = int(os.environ.get("E2E_SEED", "1"))
EACH = max(2, COMPLETIONS // 100)
"""Completions of one order: of these one at a time may be on its way."""
_FILES: dict[str, Any] = {"method": "POST", "path": "*/erpintegrations"}
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "lose_response", **_FILES, "rate": 0.08},
    {"fault": "apply_then_status", **_FILES, "rate": 0.04, "status": 504},
    {"fault": "reset", **_FILES, "rate": 0.04},
    {"fault": "status", **_FILES, "rate": 0.03, "status": 503},
    {"fault": "slow_job", **_FILES, "rate": 0.25, "seconds": 1.5},
    {"fault": "child_failure", **_FILES, "rate": 0.03},
    {"fault": "lose_response", "method": "GET", "path": "*/erpintegrations", "rate": 0.08},
    {"fault": "lose_response", "method": "GET", "path": "*/journalBatches", "rate": 0.04},
)


@pytest.mark.parametrize("installed", [{"lease": 2.0}], indirect=True)
async def test_each_completion_is_one_balanced_batch_whatever_happens(installed: Installation, owner: Owner) -> None:
    dice = random.Random(SEED)
    posting = Posting(Boards(installed, settle=0.5, amount="field", patience=4))
    await posting.prepare(COMPLETIONS // EACH)
    costs = [Decimal("10.01") + n * Decimal("0.01") for n in range(COMPLETIONS)]
    tasks = [posting.task(posting.orders[n // EACH], cost) for n, cost in enumerate(costs)]
    dice.shuffle(tasks)
    installed.sandbox.settings("asana", webhook_duplicates=3, webhook_shuffle=0.7)
    began = time.monotonic()
    async with listening(installed):
        with Drains() as drains:
            _drained(drains, "first")  # completions count from here
            for fault in FAULTS:
                installed.sandbox.fault("oracle_fusion", **fault)
            killed = await _race(drains, posting, tasks, owner, dice)
            owner.execute("update watermark set updated_at = now() - interval '1 h'")
            _drained(drains, "late")
            faults = sum(fault["hits"] for fault in installed.sandbox.faults())
            installed.sandbox.clear_faults()
            asked = 0
            for n in range(20):
                _drained(drains, f"last-{n}")
                asked += await decide(posting, owner)
                if not _open(owner):
                    break

    lost, doubled = posting.judge()
    submitted = len(installed.sandbox.state("oracle_fusion", "ucm_documents"))
    print(
        f"seed {SEED}: {COMPLETIONS} completions, {len(posting.boards.batches())} batches of {submitted} files, "
        f"{killed} of {KILLS} processes died at work, {faults} faults, a person was asked {asked} times, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert (lost, doubled) == ([], []), f"seed {SEED}"
    assert len(posting.completions()) == COMPLETIONS


async def _race(drains: Drains, posting: Posting, tasks: list[str], owner: Owner, dice: random.Random) -> int:
    """Runs race while people complete tasks, and are killed at random moments, most often who has the lease.

    How many of them had it.
    """
    racers: dict[int, tuple[str, int]] = {}
    waiting = [(f"race-{n}", 1) for n in range(RACERS)]
    number, at_work = RACERS, 0
    for kill in range(KILLS):
        until, done = time.monotonic() + dice.uniform(0.3, 2.5), len(tasks) * kill // KILLS
        posting.complete(tasks[done : len(tasks) * (kill + 1) // KILLS])
        while time.monotonic() < until:
            for pid in [pid for pid in racers if not is_there(pid)]:
                del racers[pid]
                waiting.append((f"race-{number}", 1))
                number += 1
            racers |= {drains.start(*one): one for one in waiting}
            waiting = []
            await asyncio.sleep(dice.uniform(0.2, 0.6))
        holder = _holder(owner)
        victim = next((pid for pid, (run, _) in racers.items() if run == holder), 0)
        if not victim or dice.random() < 0.15:
            victim = dice.choice(list(racers))
        run, count = racers.pop(victim)
        at_work += run == holder
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(victim, signal.SIGKILL)
        waiting.append((run, count + 1) if dice.random() < 0.5 else (f"race-{kill}-again", 1))
    while any(is_there(pid) for pid in racers):  # noqa: ASYNC110 - processes tell nobody that they have ended
        await asyncio.sleep(0.2)
    return at_work


def _holder(owner: Owner) -> str:
    """The flow run that has the lease."""
    row = owner.execute(
        "select holder from lease where until > clock_timestamp() and stream = %s", (STREAM,)
    ).fetchone()
    return str(row[0]).split()[2] if row else ""


def _drained(drains: Drains, run: str) -> None:
    """A run that waits until the lease of a dead one has run out, as a Retry does."""
    pid, deadline = drains.start(run, 2), time.monotonic() + 300
    while is_there(pid):
        assert time.monotonic() < deadline, f"seed {SEED}: {run} does not end"
        time.sleep(0.1)


def _open(owner: Owner) -> int:
    """How many completions have not come to an end."""
    settled = ["applied", "unchanged", "superseded", "rejected", "abandoned"]
    query = "select count(*) from effect where stream = %s and state <> all(%s)"
    row = owner.execute(query, (STREAM, settled)).fetchone()
    return int(row[0]) if row else 0
