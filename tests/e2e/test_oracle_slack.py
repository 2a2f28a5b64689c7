"""What happens in an emulated Oracle is told to the channels of an emulated Slack, counted there."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_connector.cli import route
from ml_connector.core import audit, rate
from ml_connector.core.audit_query import AuditLine, lines
from ml_connector.core.connections import put_secret
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tests.e2e.conftest import Owner
from tests.installation import Installation
from tests.notices import ROUTING, Notices

ANOTHER = "xoxb-another"


@pytest.fixture
async def notices(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Notices:
    monkeypatch.setattr(rate, "_MINUTE", 0.1)  # a message a second is another test's business
    made = Notices(installed)
    await made.prepare()
    return made


def happens(notices: Notices, collection: str, ago: int, **change: Any) -> list[str]:
    """Something happens in Oracle, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return notices.sandbox.mutate("oracle_fusion", collection, last_update_date=at.isoformat(), **change)


def takes_nothing(notices: Notices) -> None:
    """Slack has taken too many messages; it will not take another one for an hour."""
    refusal = {"ok": False, "error": "message_limit_exceeded"}
    notices.sandbox.fault("slack", "status", "POST", "/api/chat.postMessage", status=200, body=refusal)


async def told(db: Database, record: str | None = None) -> list[AuditLine]:
    return [line async for line in lines(db, "acme", record=record)]


def states(owner: Owner, stream: str) -> Counter[tuple[str, str | None]]:
    rows = owner.execute("select state, reason from effect where stream = %s", (f"oracle_slack/{stream}",))
    return Counter((state, reason) for state, reason in rows.fetchall())


async def test_each_channel_is_told_once_what_its_rules_want_though_responses_are_lost(
    notices: Notices, owner: Owner, database: Database
) -> None:
    sandbox = notices.sandbox
    for collection, count in (("invoices", 20), ("holds", 9), ("journal_batches", 6), ("purchase_orders", 5)):
        sandbox.seed("oracle_fusion", collection, count)
    sandbox.fault("slack", "lose_response", "POST", "/api/chat.postMessage", every=4)
    sandbox.fault("slack", "history_lag", "POST", "/api/chat.postMessage", every=3, seconds=0.1)
    held = [row for row in sandbox.state("oracle_fusion", "invoiceHolds") if not row["ReleaseDate"]]

    state = await notices.notify()

    assert state.is_completed(), state.message
    numbers = {row["InvoiceNumber"] for row in sandbox.state("oracle_fusion", "invoices")}
    procurement = notices.titles("procurement")
    invoices = [title for title in procurement if title.lstrip("⚠ ").startswith("Invoice ")]
    assert {title.lstrip("⚠ ").split(" ")[1] for title in invoices} <= {n.split(" ")[0] for n in numbers}
    assert len(invoices) == len(numbers) == 20
    assert len(procurement) == 20 + len(held)
    assert len([title for title in notices.titles("finance") if "Hold on invoice" in title]) == len(held)
    assert notices.titles("operations") == []
    assert set(notices.posted().values()) == {1}
    assert states(owner, "purchase_orders") == {("unchanged", "new: no rule sends it to operations"): 5}
    one = next(row["InvoiceId"] for row in sandbox.state("oracle_fusion", "invoices"))
    entries = await told(database, str(one))
    assert [line.status for line in entries][-1] == "applied"
    assert entries[-1].source_id == f"{one}@procurement"
    assert str(entries[-1].dest_id).startswith("C0PROCURE1/")
    assert (await audit.verify(database, "acme")).broken_at is None


async def test_new_and_changed_are_told_apart_and_what_shows_no_change_is_not_told_again(
    notices: Notices, owner: Owner
) -> None:
    notices.sandbox.seed("oracle_fusion", "invoices", 6)
    await notices.notify()
    rows = notices.sandbox.state("oracle_fusion", "invoices")
    changed, touched, *_ = (str(row["InvoiceId"]) for row in rows if row["ValidationStatus"] == "Validated")
    happens(notices, "invoices", 20, keys=[changed], set={"Description": "Kugellager"})
    happens(notices, "invoices", 20, keys=[touched], touch=True)

    state = await notices.notify()

    assert state.is_completed(), state.message
    assert len(notices.titles("procurement")) == 7
    assert notices.titles("procurement")[-1].startswith("✎ Invoice ")
    assert states(owner, "invoices")["unchanged", "same as last sent"] == 1


async def test_an_order_is_acknowledged_when_it_leaves_that_state_whatever_is_lost_on_the_way(notices: Notices) -> None:
    notices.sandbox.seed("oracle_fusion", "purchase_orders", 3)
    one, other, _ = (str(row["POHeaderId"]) for row in notices.sandbox.state("oracle_fusion", "purchaseOrders"))
    happens(notices, "purchaseOrders", 40, keys=[one, other], do="send")
    await notices.notify()
    happens(notices, "purchaseOrders", 30, keys=[one], do="acknowledge")
    takes_nothing(notices)
    await notices.notify("run-2")
    assert notices.titles("operations") == []
    happens(notices, "purchaseOrders", 20, keys=[one], touch=True)  # the version that says so is never sent
    notices.sandbox.clear_faults()

    await notices.notify("run-3")
    happens(notices, "purchaseOrders", 10, keys=[one], touch=True)
    await notices.notify("run-4")

    [message] = notices.messages("operations")
    assert "Acknowledged by the supplier." in message["text"]


async def test_an_order_that_a_supplier_rejects_is_not_acknowledged(notices: Notices) -> None:
    notices.sandbox.seed("oracle_fusion", "purchase_orders", 2)
    one, other = (str(row["POHeaderId"]) for row in notices.sandbox.state("oracle_fusion", "purchaseOrders"))
    happens(notices, "purchaseOrders", 40, keys=[one, other], do="send")
    happens(notices, "purchaseOrders", 40, keys=[one], set={"Status": "Lieferantenbestätigung ausstehend"})
    state = await notices.notify()
    assert state.is_completed(), state.message
    happens(notices, "purchaseOrders", 30, keys=[one], do="acknowledge")
    happens(notices, "purchaseOrders", 20, keys=[other], do="reject")

    state = await notices.notify("run-2")

    assert state.is_completed(), state.message
    accepted, refused = (message["text"] for message in notices.messages("operations"))
    assert "Acknowledged by the supplier." in accepted
    assert "Not acknowledged by the supplier: Rejected." in refused
    assert "Acknowledged" not in refused


async def test_what_was_overtaken_before_it_could_be_told_is_told_as_new(notices: Notices, owner: Owner) -> None:
    notices.sandbox.seed("oracle_fusion", "invoices", 1)
    takes_nothing(notices)
    await notices.notify("run-1")
    [row] = notices.sandbox.state("oracle_fusion", "invoices")
    happens(notices, "invoices", 20, keys=[str(row["InvoiceId"])], set={"Description": "Kugellager"})
    notices.sandbox.clear_faults()
    await notices.notify("run-2")
    owner.execute("update effect set next_at = null")
    await notices.notify("run-3")

    [title] = notices.titles("procurement")
    assert not title.startswith("✎")
    assert "Kugellager" in notices.messages("procurement")[0]["text"]
    assert Counter(state for state, _ in states(owner, "invoices").elements()) == {"superseded": 1, "applied": 1}


async def test_a_record_older_than_the_stream_is_not_new(notices: Notices) -> None:
    file = settings().tenants_dir / "acme.yaml"
    file.write_text(file.read_text().replace("delay: 0s}", "delay: 0s, start_from: now}"))
    notices.sandbox.seed("oracle_fusion", "invoices", 2)
    await notices.notify()
    old = str(notices.sandbox.state("oracle_fusion", "invoices")[0]["InvoiceId"])
    await notices.notify()  # nothing was told of what was there before
    assert notices.titles("procurement") == []
    await asyncio.sleep(1.0)  # the pod's clock counts whole seconds
    happens(notices, "invoices", 0, keys=[old], set={"ValidationStatus": "Validated"})
    notices.sandbox.mutate("oracle_fusion", "invoices", create=1)
    await asyncio.sleep(1.0)

    await notices.notify()

    assert sorted(title[0] == "✎" for title in notices.titles("procurement")) == [False, True]


async def test_retry_posts_nothing_and_a_resend_posts_again_and_says_why(notices: Notices, database: Database) -> None:
    notices.sandbox.seed("oracle_fusion", "invoices", 4)
    await notices.notify("run-1")

    retried = await notices.notify("run-1", count=2, completed=1)
    assert retried.is_completed(), retried.message
    assert len(notices.messages()) == 4
    resent = await notices.replay(run_id="run-1", resend=True, reason="the channel was emptied", actor="ada")

    assert resent.is_completed(), resent.message
    assert len(notices.messages("procurement")) == 8
    assert set(notices.posted().values()) == {1}
    by_ada = [line for line in await told(database) if line.actor == "ada" and line.status == "applied"]
    assert [line.reason for line in by_ada] == ["the channel was emptied"] * 4


async def test_a_person_is_told_where_a_record_goes_and_sees_its_message(
    notices: Notices, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notices.sandbox.seed("oracle_fusion", "invoices", 3)
    notices.sandbox.seed("oracle_fusion", "purchase_orders", 1)
    row = notices.sandbox.state("oracle_fusion", "invoices")[1]
    [order] = notices.sandbox.state("oracle_fusion", "purchaseOrders")

    await route.test("acme", "invoices", str(row["InvoiceId"]))
    wanted = capsys.readouterr().out
    await route.test("acme", "purchase_orders", str(order["POHeaderId"]))
    unwanted = capsys.readouterr().out
    await route.preview("acme", "invoices", str(row["InvoiceId"]), tmp_path / "message.json")
    shown = capsys.readouterr().out
    with pytest.raises(Misconfigured, match="has no record 5 of invoices"):
        await route.test("acme", "invoices", "5")

    assert "is told in procurement." in wanted
    assert "It is new, and is told nowhere." in unwanted
    assert "acknowledged" in unwanted
    assert row["InvoiceNumber"] in shown
    assert json.loads((tmp_path / "message.json").read_text()).keys() == {"text", "blocks"}
    assert notices.messages() == []


async def test_a_revoked_token_stops_the_run_once_and_it_goes_on_where_it_was(
    notices: Notices, owner: Owner, database: Database
) -> None:
    notices.sandbox.seed("oracle_fusion", "invoices", 12)
    notices.sandbox.fault("slack", "expire_token", "POST", "/api/chat.postMessage", every=6)
    first = await notices.notify("run-1", streams=("invoices",))
    calls = _calls(notices)
    told = "select told_at is not null from connection where name = 'slack'"
    assert owner.execute(told).fetchall() == [(True,)]
    owner.execute("update connection set told_at = null")  # as if the process had died before it has told
    second = await notices.notify("run-2", streams=("invoices",))

    assert [(state.is_failed(), state.name) for state in (first, second)] == [(True, "Disconnected")] * 2
    assert "acme/slack must be reconnected" in str(second.message)
    assert _calls(notices) == calls
    assert owner.execute(told).fetchall() == [(True,)]
    assert owner.execute("select status from connection where name = 'slack'").fetchall() == [("needs_reauth",)]
    notices.sandbox.clear_faults()
    notices.sandbox.settings("slack", token=ANOTHER)
    vault = Vault(database, MasterKeys.load(settings()))
    await put_secret(database, vault, "acme", "slack", "token", Secret(ANOTHER))
    again = await notices.notify("run-1", streams=("invoices",), count=2, completed=0)

    assert again.is_completed(), again.message
    assert len(notices.messages("procurement")) == 12
    assert set(notices.posted().values()) == {1}


async def test_of_too_many_one_digest_tells_and_each_record_is_audited_to_it(
    installed: Installation, notices: Notices, owner: Owner, database: Database
) -> None:
    notices = Notices(installed, ROUTING, digest_above=5)
    notices.sandbox.seed("oracle_fusion", "invoices", 30)
    notices.sandbox.seed("oracle_fusion", "holds", 3)
    notices.sandbox.fault("slack", "lose_response", "POST", "/api/chat.postMessage", times=1)

    state = await notices.notify("run-1")

    assert state.is_completed(), state.message
    [digest, *single] = notices.messages("procurement")
    assert digest["text"].startswith("⚠ 30 invoices")
    assert len(single) <= 3
    assert states(owner, "invoices").total() == 31
    rows = owner.execute("select source_id, dest_id from effect where state = 'digested'").fetchall()
    assert len(rows) == 30
    assert {dest_id for _, dest_id in rows} == {f"C0PROCURE1/{digest['ts']}"}
    number = notices.sandbox.state("oracle_fusion", "invoices")[0]["InvoiceNumber"]
    entries = [line for line in await told(database, number) if line.action == "digest" and line.status == "digested"]
    assert entries[-1].dest_id == f"C0PROCURE1/{digest['ts']}"
    assert digest["metadata"]["event_payload"]["effect"] in str(entries[-1].reason)
    await notices.notify("run-1", count=2, completed=1)
    assert len(notices.messages("procurement")) == 1 + len(single)


def _calls(notices: Notices) -> int:
    return sum(row["count"] for row in notices.sandbox.requests() if row["system"] == "slack")
