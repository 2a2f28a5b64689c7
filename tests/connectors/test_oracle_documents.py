"""Invoices, holds, orders and journals of Oracle Fusion over real HTTP, against what the pod holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.oracle_fusion import descendants
from connectors.oracle_fusion.descendants import CUT_AT, LEFT_OUT
from connectors.oracle_fusion.documents import Documents
from connectors.oracle_fusion.finance import (
    BANK_DETAILS,
    CARD_DETAILS,
    JournalBatches,
    PayablesInvoices,
    PurchaseOrders,
    ReceivablesInvoices,
)
from connectors.oracle_fusion.holds import InvoiceHolds
from connectors.oracle_fusion.journal_models import JournalBatch
from connectors.oracle_fusion.order_models import PurchaseOrder
from connectors.oracle_fusion.parties import HubOrganizations
from connectors.oracle_fusion.payables_models import InvoiceHold, PayablesInvoice
from connectors.oracle_fusion.sandbox.catalogue import RESOURCES
from connectors.oracle_fusion.sandbox.resources import Resource
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body, ReadsNew, SourceRecord, Window
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running
from tests.connectors.reading import everything, read, read_with_crashes

STREAMS: dict[str, type[Documents]] = {
    "invoices": PayablesInvoices,
    "purchase_orders": PurchaseOrders,
    "journal_batches": JournalBatches,
    "receivables_invoices": ReceivablesInvoices,
}
WITHHELD = BANK_DETAILS | CARD_DETAILS


@pytest.fixture
def fusion(running: Pod) -> Pod:
    """A pod with 110 documents of each kind; two of each have more rows below them than come along with them."""
    running.anew()
    for documents in STREAMS:
        running.emulator.seed(documents, 110, 5)
    running.emulator.seed("holds", 110, 5)
    return running


def bodies(records: list[SourceRecord]) -> dict[str, Body]:
    return {record.source_id: {n: v for n, v in record.body.items() if n != "url"} for record in records}


def held(fusion: Pod, collection: str) -> dict[str, Body]:
    resource = RESOURCES[STREAMS[collection].resource]
    return {str(row[resource.id]): _sent(row, resource) for row in fusion.held(collection)}


def _sent(row: Body, resource: Resource) -> Body:
    """A row as a client should have it: no nulls, nothing withheld, ids as text, amounts digit by digit."""
    own = {name: row[name] for name in resource.attributes if row[name] is not None and name not in WITHHELD}
    below = {name: [_sent(one, child) for one in row[name]] for name, child in resource.children.items()}
    if "journalHeaders" in below:  # the others are held in the order in which they are to come
        below["journalHeaders"].sort(key=lambda one: str(one["JournalName"]))
    return {name: _json(name, value) for name, value in own.items()} | below


def _json(name: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value) if "." in str(value) else int(value)
    return str(value) if isinstance(value, int) and name.endswith("Id") else value


def below(body: Body) -> Iterator[list[Body]]:
    """All collections of a document, on every level."""
    for value in body.values():
        if isinstance(value, list):
            yield value
            for row in value:
                yield from below(row)


@pytest.mark.parametrize("collection", STREAMS)
async def test_every_document_comes_once_with_all_that_is_below_it(fusion: Pod, collection: str) -> None:
    async with fusion.client() as client:
        records = await read(STREAMS[collection](client))
        again = await read_with_crashes(STREAMS[collection](client))

    assert len(records) == 110
    assert bodies(records) == held(fusion, collection)
    assert records == again
    if collection != "receivables_invoices":
        assert any(len(rows) > CUT_AT for record in records for rows in below(record.body))
    assert not any(LEFT_OUT in record.body for record in records)


async def test_pages_that_are_too_much_get_smaller_until_they_come_and_larger_again(fusion: Pod) -> None:
    fusion.fault("too_heavy", rows=6, path="*/receivablesInvoices")
    async with fusion.client() as client:
        stream = ReceivablesInvoices(client)
        records = await read(stream)
        heavy = asked(fusion)
        fusion.world.faults.clear()
        again = await read(stream)

    assert records == again
    assert bodies(records) == held(fusion, "receivables_invoices")
    assert heavy[:4] == [50, 25, 12, 6]
    assert set(heavy[4:]) == {6, 12}  # it tries more after a while
    assert max(asked(fusion)[len(heavy) :]) > 12


async def test_a_document_that_is_too_much_by_itself_is_asked_for_again_later(fusion: Pod) -> None:
    fusion.fault("too_heavy", rows=0, path="*/receivablesInvoices")
    async with fusion.client() as client:
        with pytest.raises(RetryLater, match="504"):
            await read(ReceivablesInvoices(client))

    assert asked(fusion) == [50, 25, 12, 6, 3, 1, 1, 1, 1]


def asked(fusion: Pod) -> list[int]:
    """How many customer invoices were asked for, call by call."""
    seen = [dict(parse_qsl(one.query)) for one in fusion.world.requests if one.path.endswith("/receivablesInvoices")]
    return [int(query["limit"]) for query in seen if "expand" in query]


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("cap_page", {"rows": 7}),
        ("lie_has_more", {"when": "always"}),
        ("status", {"status": 503, "every": 5}),
        ("truncate", {"every": 6}),
    ],
)
async def test_nothing_below_a_document_is_lost_by_a_pod_that_misbehaves(
    fusion: Pod, fault: str, rule: dict[str, Any]
) -> None:
    fusion.fault(fault, **rule)
    async with fusion.client() as client:
        for collection in ("invoices", "journal_batches"):
            assert bodies(await read(STREAMS[collection](client))) == held(fusion, collection)


async def test_what_lies_too_deep_to_come_along_is_read_by_itself(fusion: Pod) -> None:
    calls = {}
    for can, asked in ((2, 2), (2, 3), (3, 3)):
        fusion.emulator.configure({"expand_levels": can})
        async with fusion.client(expand_levels=asked) as client:
            before = fusion.calls()
            assert bodies(await read(PurchaseOrders(client))) == held(fusion, "purchase_orders")
            calls[can, asked] = fusion.calls() - before

    assert calls[2, 2] < 110 + 30  # one for each order, and a few for those with many schedules
    assert calls[3, 3] < 30


@pytest.mark.parametrize("version", range(2, 10))
async def test_all_framework_versions_give_the_same_documents(fusion: Pod, version: int) -> None:
    async with fusion.client(framework_version=version) as client:
        for collection, stream in STREAMS.items():
            got = bodies(await read(stream(client)))
            assert _as_text(got) == _as_text(held(fusion, collection))


def _as_text(value: Any) -> Any:
    """Version 9 sends numbers as text: the digits count."""
    if isinstance(value, dict):
        return {name: _as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


async def test_invoices_that_change_while_paging_come_in_this_run_or_the_next(fusion: Pod) -> None:
    fusion.fault("mutate_while_paging", path="*/invoices", rows=5)
    first = everything()
    async with fusion.client(page_size=20) as client:
        got = await read(PayablesInvoices(client), first)
        fusion.world.faults.clear()
        got += await read(PayablesInvoices(client), Window(first.hi - timedelta(days=365), everything().hi))

    versions = {(record.source_id, record.body["LastUpdateDate"]) for record in got}
    assert {(str(row["InvoiceId"]), row["LastUpdateDate"]) for row in fusion.held("invoices")} - versions == set()


async def test_what_is_new_is_told_from_what_has_changed(fusion: Pod) -> None:
    async with fusion.client() as client:
        before = (await client.clock()) - timedelta(seconds=1)
        (new,) = fusion.emulator.mutate("invoices", {"create": 1})
        fusion.emulator.mutate("invoices", {"count": 9, "seed": 2, "do": "validate"})
        window = Window(before, everything().hi)
        assert isinstance(PayablesInvoices(client), ReadsNew)
        assert not isinstance(HubOrganizations(client), ReadsNew)
        changed = await read(PayablesInvoices(client), window)
        (created,) = await read(PayablesInvoices(client).new_only(), window)
        fusion.emulator.mutate("invoices", {"keys": [new], "do": "pay"})
        (paid,) = await read(PayablesInvoices(client).new_only(), window)

    assert {record.source_id for record in changed} > {new}
    assert created.source_id == paid.source_id == new
    assert paid.body["PaidStatus"] == "Paid" != created.body["PaidStatus"]
    assert (created.modified_at, created.version) == (paid.modified_at, paid.version)  # no second message


async def test_a_hold_comes_with_its_invoice_where_that_can_be_told(fusion: Pod) -> None:
    invoices = {row["InvoiceNumber"]: row for row in fusion.held("invoices")}
    named = [row["InvoiceNumber"] for row in fusion.held("holds")]
    twice = next(number for number in named if "'" not in number)
    table = fusion.emulator.pod.tables["invoices"]
    table.add([next(iter(table.rows.values())) | invoices[twice] | {"InvoiceId": 1}])

    async with fusion.client() as client:
        before = fusion.calls()
        records = await read(InvoiceHolds(client))
        calls = fusion.calls() - before

    assert calls < 20
    assert Counter(record.number for record in records) == Counter(named)
    assert any("'" in number for number in named)
    for record in records:
        number = str(record.number)
        if number == twice or "'" in number:
            assert not record.body.keys() & {"invoice", "url"}
        else:
            assert record.body["invoice"]["InvoiceId"] == str(invoices[number]["InvoiceId"])
            assert Decimal(record.body["invoice"]["InvoiceAmount"]) == invoices[number]["InvoiceAmount"]
            assert record.body["url"].endswith(f"objKey=InvoiceId={invoices[number]['InvoiceId']}")


async def test_what_is_put_beside_a_document_makes_no_version_of_it(fusion: Pod) -> None:
    async with fusion.client() as client, fusion.client(invoice_page="https://erp.example/{InvoiceId}") as other:
        for stream in (PayablesInvoices, InvoiceHolds):
            here, there = await read(stream(client)), await read(stream(other))
            assert [record.version for record in here] == [record.version for record in there]
            assert here != there
        assert len({record.version for record in here}) == len(here)


async def test_records_fit_their_models(fusion: Pod) -> None:
    async with fusion.client() as client:
        for stream, model in (
            (PayablesInvoices, PayablesInvoice),
            (InvoiceHolds, InvoiceHold),
            (PurchaseOrders, PurchaseOrder),
            (JournalBatches, JournalBatch),
        ):
            for record in await read(stream(client)):
                model.model_validate(record.body)


async def test_a_document_that_is_too_long_says_so(fusion: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descendants, "MOST", 40)
    async with fusion.client(page_size=20) as client:
        records = await read(JournalBatches(client))

    long = [record for record in records if record.body.get(LEFT_OUT)]
    assert len(long) == 2
    assert all(len(header["journalLines"]) == 40 for record in long for header in record.body["journalHeaders"])


async def test_a_batch_that_is_deleted_while_it_is_read_is_looked_at_again_later(fusion: Pod) -> None:
    fusion.fault("status", path="*/journalBatches/*", status=404)
    async with fusion.client() as client:
        with pytest.raises(RetryLater, match="was deleted while"):
            await read(JournalBatches(client))
    fusion.world.faults.clear()
    fusion.fault("status", path="*/child/journalHeaders", status=404)
    async with fusion.client() as client:
        with pytest.raises(Misconfigured, match="no such resource"):
            await read(JournalBatches(client))


async def test_lines_that_change_places_while_they_are_read_are_read_again_later(fusion: Pod) -> None:
    """Else a line would be there twice, and another one not at all."""
    lines = max((row["invoiceLines"] for row in fusion.emulator.pod.tables["invoices"].rows.values()), key=len)
    lines[25] = dict(lines[3])
    async with fusion.client() as client:
        with pytest.raises(RetryLater, match="changed while they were read"):
            await read(PayablesInvoices(client))
