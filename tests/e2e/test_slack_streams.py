"""What a tenant may choose of messages: invoices to customers, only what is created, and where a change is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.core import rate
from ml_connector.core.settings import settings
from tests.e2e.conftest import Owner
from tests.installation import Installation
from tests.notices import Notices

COMPLETE = """
      - name: customer invoices
        streams: receivables_invoices
        when: InvoiceStatus == 'Complete' && (event == 'new' || previous.InvoiceStatus != 'Complete')
        to: finance
"""
EVERY = """
      - {name: invoices, streams: invoices, to: procurement}
"""


def happens(notices: Notices, collection: str, ago: int, **change: Any) -> list[str]:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return notices.sandbox.mutate("oracle_fusion", collection, last_update_date=at.isoformat(), **change)


async def opened(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, routing: str, stream: str, **options: str
) -> Notices:
    """A tenant whose file has this stream with these options, and this routing."""
    monkeypatch.setattr(rate, "_MINUTE", 0.1)
    made = Notices(installed, routing)
    file = settings().tenants_dir / "acme.yaml"
    text = file.read_text().replace("      invoices: {every: 10m, delay: 0s}\n", "")
    said = ", ".join(f"{name}: {value}" for name, value in {"every": "10m", "delay": "0s", **options}.items())
    file.write_text(text.replace("    streams:\n", f"    streams:\n      {stream}: {{{said}}}\n"))
    await made.prepare()
    return made


async def test_an_invoice_to_a_customer_is_told_when_it_is_complete(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, owner: Owner
) -> None:
    notices = await opened(installed, monkeypatch, COMPLETE, "receivables_invoices")
    sandbox, streams = notices.sandbox, ("receivables_invoices",)
    sandbox.seed("oracle_fusion", "receivables_invoices", 4)
    ids = [str(row["CustomerTransactionId"]) for row in sandbox.state("oracle_fusion", "receivablesInvoices")]
    happens(notices, "receivablesInvoices", 60, keys=ids, set={"InvoiceStatus": "Complete"})
    happens(notices, "receivablesInvoices", 50, keys=ids[:1], set={"InvoiceStatus": "Incomplete"})
    await notices.notify(streams=streams)
    assert len(notices.messages("finance")) == 3
    happens(notices, "receivablesInvoices", 40, keys=ids[:1], set={"InvoiceStatus": "Complete"})
    await notices.notify(streams=streams)
    happens(notices, "receivablesInvoices", 30, keys=ids, set={"Comments": "Danke"})

    state = await notices.notify(streams=streams)

    assert state.is_completed(), state.message
    rows = {row["TransactionNumber"]: row for row in sandbox.state("oracle_fusion", "receivablesInvoices")}
    told = notices.messages("finance")
    assert len(told) == 4
    for message in told:
        title, *lines = message["text"].removeprefix("✎ ").splitlines()
        row = rows[title.split(" ")[2]]
        assert row["BillToCustomerName"].replace("&", "&amp;") in title
        [amount] = [line for line in lines if line.startswith("Amount: ")]
        exact = Decimal(str(row["EnteredAmount"]))
        assert amount.replace(",", "") == f"Amount: {exact:f} {row['InvoiceCurrencyCode']}"
    reasons = Counter(owner.execute("select state, reason from effect").fetchall())
    assert reasons["unchanged", "changed: no rule sends it to finance"] == 4


async def test_a_stream_of_what_is_new_tells_of_no_change(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = await opened(installed, monkeypatch, EVERY, "invoices", new_only="true")
    sandbox, streams = notices.sandbox, ("invoices",)
    sandbox.seed("oracle_fusion", "invoices", 3)
    await notices.notify(streams=streams)
    ids = [str(row["InvoiceId"]) for row in sandbox.state("oracle_fusion", "invoices")]
    happens(notices, "invoices", 20, keys=ids, set={"Description": "Kugellager"})
    made = notices.sandbox.mutate("oracle_fusion", "invoices", create=2)
    await asyncio.sleep(1.1)  # the pod's clock counts whole seconds

    state = await notices.notify(streams=streams)
    happens(notices, "invoices", 0, keys=made, set={"Description": "Kugellager"})
    await asyncio.sleep(1.1)
    await notices.notify(streams=streams)

    assert state.is_completed(), state.message
    titles = notices.titles("procurement")
    assert len(titles) == 5
    assert not [title for title in titles if title.startswith("✎")]


@pytest.mark.parametrize("follow_up", ["update", "reply"])
async def test_a_change_is_told_in_the_place_that_the_tenant_chooses(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, owner: Owner, follow_up: str
) -> None:
    overlay = f"{{fields: {{follow_up: \"'{follow_up}'\"}}}}"
    notices = await opened(installed, monkeypatch, EVERY, "invoices", mapping=overlay)
    notices.sandbox.seed("oracle_fusion", "invoices", 2)
    await notices.notify(streams=("invoices",))
    first = {row["ts"] for row in notices.messages()}
    changed = str(notices.sandbox.state("oracle_fusion", "invoices")[0]["InvoiceId"])
    happens(notices, "invoices", 20, keys=[changed], set={"Description": "Neunundneunzig"})
    notices.sandbox.fault("slack", "lose_response", "POST", "/api/chat.*", times=1)

    state = await notices.notify(streams=("invoices",))

    assert state.is_completed(), state.message
    [told] = [row for row in notices.messages() if "Neunundneunzig" in row["text"]]
    assert len(notices.messages()) == (2 if follow_up == "update" else 3)
    assert (told["ts"] if follow_up == "update" else told["thread_ts"]) in first
    [(action, dest_id)] = owner.execute(
        "select action, dest_id from audit_entry where source_id = %s and status = 'applied' "
        "order by seq desc, n desc limit 1",
        (f"{changed}@procurement",),
    ).fetchall()
    assert (action, str(dest_id).split("/")[:2]) == (follow_up, ["C0PROCURE1", told["ts"]])
