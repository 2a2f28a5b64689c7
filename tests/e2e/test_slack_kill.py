"""``kill -9`` of the flow's process while it sends messages, and Retry, with Prefect's server and worker.

``E2E_KILLS=10 E2E_RECORDS=300 pytest -m slow -o timeout=1800 tests/e2e/test_slack_kill.py`` is the long version;
``E2E_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from tests.e2e.stack import Stack, until
from tests.installation import Sandbox
from tests.notices import SPREAD, stack_file

KILLS = int(os.environ.get("E2E_KILLS", "3"))
RECORDS = int(os.environ.get("E2E_RECORDS", "45"))
SEED = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(10**6)))


@pytest.mark.slow
def test_killed_in_mid_send_and_retried_each_message_is_posted_once_and_a_last_retry_posts_none(stack: Stack) -> None:
    dice, sandbox = random.Random(SEED), stack.sandbox
    sandbox.reset()
    sandbox.settings("slack", posts_per_second=1.0, history_per_minute=None)
    sandbox.seed("oracle_fusion", "invoices", RECORDS)
    sandbox.fault("slack", "lose_response", "POST", "/api/chat.postMessage", rate=0.2)
    sandbox.fault("slack", "history_lag", "POST", "/api/chat.postMessage", seconds=0.5)
    deployment = stack.deploy("told", stack_file("told", SPREAD), "oracle-slack-notify")

    run = stack.run(deployment, streams=["invoices"])
    died_with: list[int] = []
    for wanted in sorted(dice.randrange(1, RECORDS - 5) for _ in range(KILLS)):
        process = run.process()
        until(lambda: _posted(sandbox).total() >= wanted or not process.is_running(), 600, f"{wanted} messages")  # noqa: B023
        time.sleep(dice.uniform(0.0, 1.0))
        assert process.is_running(), f"seed {SEED}: it has ended after {died_with} messages: {run}: {run.message}"
        process.kill()
        process.wait(10)
        died_with.append(_posted(sandbox).total())
        run.retry()
    run.process()

    assert run.wait(seconds=600) == "Completed", f"seed {SEED}: {run}: {run.message}"
    print(f"seed {SEED}: died with {died_with} messages; {' > '.join(run.history())}")
    posted = _posted(sandbox)
    assert set(posted.values()) == {1}, f"seed {SEED}"
    told = Counter(row["text"].splitlines()[0].lstrip("⚠ ") for row in sandbox.state("slack", "messages"))
    numbers = [row["InvoiceNumber"] for row in sandbox.state("oracle_fusion", "invoices")]
    found = [n for number in numbers for title, n in told.items() if title.startswith(f"Invoice {number} ")]
    assert found == [1] * RECORDS, f"seed {SEED}"
    assert sandbox.state("slack", "rate_violations") == []
    assert run.balance()["invoices"]["created"] == RECORDS

    run.retry()
    assert run.wait() == "Completed"
    assert _posted(sandbox) == posted


def _posted(sandbox: Sandbox) -> Counter[str]:
    """How many messages each effect has posted."""
    return Counter(one["key"] for one in sandbox.effects("slack") if one["kind"] == "message.posted")
