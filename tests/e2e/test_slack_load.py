"""Messages under load: processes killed, responses lost, several of them at a channel, far too many records.

``E2E_RECORDS=1000 E2E_KILLS=30 E2E_LAG=2 E2E_MANY=10000 pytest -o timeout=3600 tests/e2e/test_slack_load.py`` is the
long version, with another ``E2E_SEED`` each time.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ml_connector.cli import audit
from ml_connector.core import jsonx, rate
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from tests.e2e.conftest import Owner
from tests.installation import Installation
from tests.notices import CHANNELS, SPREAD, Notices, pace

RECORDS = int(os.environ.get("E2E_RECORDS", "12"))
KILLS = int(os.environ.get("E2E_KILLS", "1"))
LAG = float(os.environ.get("E2E_LAG", "0.2"))
LEASE = 6.0 + RECORDS / 200
"""Seconds."""
SENT = int(os.environ.get("E2E_SENT", "4"))
"""Messages of each of three processes into each of two channels."""
MANY = int(os.environ.get("E2E_MANY", "150"))
LOOKED_UP = 10
SEED = int(os.environ.get("E2E_SEED", "1"))
ONE = """
      - {name: all, to: procurement}
"""
TWO = """
      - {name: all, to: [procurement, finance]}
"""


@pytest.mark.parametrize(
    ("installed", "settle"),
    [({"lease": LEASE}, 2 * LAG + 0.5), ({"lease": LEASE}, 0.0)],
    indirect=["installed"],
    ids=["settles", "does not settle"],
)
async def test_killed_at_any_moment_with_lost_responses_each_is_told_once_or_is_flagged(
    installed: Installation, database: Database, settle: float
) -> None:
    dice = random.Random(SEED)
    notices = Notices(installed, SPREAD, digest_above=1_000_000, settle=settle)
    await notices.prepare()
    notices.sandbox.seed("oracle_fusion", "invoices", RECORDS)
    notices.sandbox.fault("slack", "history_lag", "POST", "/api/chat.postMessage", seconds=LAG)
    notices.sandbox.fault("slack", "lose_response", "POST", "/api/chat.postMessage", rate=0.3)
    died_with: list[int] = []
    ahead, attempt = sorted(dice.randrange(RECORDS) for _ in range(KILLS)), 0
    while ahead:
        child = _tell("run", attempt := attempt + 1, "invoices", minute=0.1)
        _until_posted(notices, ahead[0], child)
        await asyncio.sleep(dice.uniform(0.0, 2.0))
        if child.poll() == 0:
            break  # it was quicker
        if child.poll() is None:
            child.kill()
            child.wait()
            died_with.append(notices.posted().total())
            ahead.pop(0)
    assert _tell("run", attempt + 1, "invoices", minute=0.1).wait(3000) == 0, f"seed {SEED}"

    told = Counter(row["text"].splitlines()[0].lstrip("⚠ ") for row in notices.messages())
    lost = [row["InvoiceNumber"] for row in _invoices(notices) if not _about(told, row)]
    doubled = [key for key, n in notices.posted().items() if n > 1]
    flagged = {
        str(line.effect_id) async for line in lines(database, "acme") if "stands there twice" in str(line.reason)
    }
    print(f"seed {SEED}: {len(died_with)} died, when there were {died_with} messages")
    print(f"{told.total()} messages of {RECORDS} invoices, {len(doubled)} doubled, {len(flagged)} flagged")
    assert lost == [], f"seed {SEED}:"
    assert not any(title.startswith("✎") for title in told), f"seed {SEED}: a retry takes what is new for changed"
    assert set(doubled) <= flagged, f"seed {SEED}"
    if settle > LAG:
        assert doubled == [], f"seed {SEED}"
        assert sum(told.values()) == RECORDS


@pytest.mark.slow
async def test_three_processes_send_a_message_a_second_into_each_of_two_channels(installed: Installation) -> None:
    notices = Notices(installed, TWO, digest_above=1_000_000)
    await notices.prepare()
    for collection in ("invoices", "holds", "journal_batches"):
        notices.sandbox.seed("oracle_fusion", collection, SENT)
    notices.sandbox.settings("slack", posts_per_second=1.0)

    children = [_tell(stream, 1, stream) for stream in ("invoices", "holds", "journal_batches")]

    assert [child.wait(3000) for child in children] == [0, 0, 0]
    assert notices.sandbox.state("slack", "rate_violations") == []
    for channel in ("procurement", "finance"):
        count, per_second, least = pace(notices.sandbox, CHANNELS[channel])
        print(f"{channel}: {count} messages, {per_second:.2f} a second, at least {least:.2f} s apart")
        assert count == 3 * SENT
        assert least >= 1.0
        assert per_second >= 0.75


async def test_of_very_many_at_once_digests_tell_and_each_record_leads_to_its_message(
    installed: Installation, owner: Owner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rate, "_MINUTE", 0.1)
    notices = Notices(installed, ONE, digest_above=50)
    await notices.prepare()
    notices.sandbox.seed("oracle_fusion", "invoices", MANY)
    await notices.notify(streams=["invoices"])
    before = len(notices.messages())
    at = datetime.now(UTC) - timedelta(seconds=2)
    change: dict[str, Any] = {"count": MANY, "set": {"Description": "x"}, "last_update_date": at.isoformat()}
    notices.sandbox.mutate("oracle_fusion", "invoices", **change)

    began = time.monotonic()
    state = await notices.notify("changed", streams=["invoices"])
    digests = notices.messages()[before:]
    with capsys.disabled():
        print(f"{MANY} changed: {len(digests)} messages, {time.monotonic() - began:.0f} s")

    assert state.is_completed(), state.message
    assert 1 <= len(digests) <= 1 + MANY // 1000
    invoices = _invoices(notices)
    assert _told_totals(digests) == _totals(invoices)
    stamps = {f"{CHANNELS['procurement']}/{row['ts']}" for row in digests}
    rows = owner.execute(
        "select e.state, e.dest_id from effect e join batch b on b.id = e.batch_id join run r on r.id = b.run_id "
        "where r.flow_run_id = 'changed' and b.planned > 0"
    ).fetchall()
    assert len(rows) == MANY
    assert {state for state, _ in rows} == {"digested"}
    assert {dest_id for _, dest_id in rows} == stamps
    capsys.readouterr()
    for invoice in random.Random(SEED).sample(invoices, LOOKED_UP):
        number = invoice["InvoiceNumber"]
        await audit.show(
            "acme", record=number, run="changed", state=None, since=None, failed=False, form="jsonl", bodies=False
        )
        told = [jsonx.loads(line) for line in capsys.readouterr().out.splitlines()]
        mine = [line for line in told if line["source_id"] == f"{invoice['InvoiceId']}@procurement"]
        assert [line["status"] for line in mine] == ["planned", "digested", "digested"], number
        assert mine[-1]["dest_id"] in stamps


def _tell(run: str, count: int, stream: str, *, minute: float | None = None) -> subprocess.Popen[bytes]:
    environment = dict(os.environ) | ({"E2E_MINUTE": str(minute)} if minute else {})
    return subprocess.Popen([sys.executable, "-m", "tests.e2e.telling", run, str(count), stream], env=environment)


def _until_posted(notices: Notices, wanted: int, child: subprocess.Popen[bytes]) -> None:
    """Wait until so many messages have been posted, or nothing will come any more."""
    deadline, before = time.monotonic() + 60, -1
    while (posted := notices.posted().total()) < wanted and child.poll() is None:
        if posted > before:
            deadline, before = time.monotonic() + 60, posted
        assert time.monotonic() < deadline, f"seed {SEED}: nothing comes"
        time.sleep(0.2)


def _invoices(notices: Notices) -> list[dict[str, Any]]:
    """As they are in Oracle, with all the digits of their amounts."""
    found = httpx.get(f"{notices.sandbox.url}/_sandbox/state/oracle_fusion/invoices", timeout=60)
    rows: list[dict[str, Any]] = jsonx.loads(found.content)["objects"]
    return rows


def _totals(invoices: list[dict[str, Any]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in invoices:
        sums[row["InvoiceCurrency"]] += Decimal(row["InvoiceAmount"])
    return sums


def _told_totals(digests: list[dict[str, Any]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in "\n".join(row["text"] for row in digests).splitlines():
        if line.startswith("Total: "):
            digits, currency = line.removeprefix("Total: ").split()
            sums[currency] += Decimal(digits.replace(",", ""))
    return sums


def _about(told: Counter[str], invoice: dict[str, Any]) -> int:
    return sum(n for title, n in told.items() if title.startswith(f"Invoice {invoice['InvoiceNumber']} "))
