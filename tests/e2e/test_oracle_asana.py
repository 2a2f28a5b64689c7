"""Purchase orders and invoices of an emulated Oracle stand on tasks of an emulated Asana, counted there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.replay import replay
from ml_connector.core.settings import settings
from tests.boards import ORDERS, PAYABLES, Boards
from tests.e2e.conftest import Owner
from tests.installation import Installation, tell

LISTS = """{
  fields: {custom_fields.gl_account: "lines[].schedules[].distributions[].POChargeAccount | [0]"},
  custom_fields: {custom_fields: {supplier: {title: Supplier, type: enum}, gl_account: {title: GL account, type: enum}}}
}"""


@pytest.fixture
async def boards(installed: Installation) -> Boards:
    made = Boards(installed)
    await made.prepare()
    return made


def oracle(boards: Boards, collection: str) -> dict[str, dict[str, Any]]:
    key = {"purchaseOrders": "POHeaderId", "invoices": "InvoiceId"}[collection]
    return {str(row[key]): row for row in boards.sandbox.state("oracle_fusion", collection)}


def states(owner: Owner, stream: str) -> Counter[tuple[str, str | None]]:
    rows = owner.execute("select state, reason from effect where stream = %s", (f"oracle_asana/{stream}",))
    return Counter((state, reason) for state, reason in rows.fetchall())


def changed(boards: Boards, collection: str, key: str, ago: int = 20, **values: Any) -> None:
    """Somebody changes a document in Oracle, so many seconds ago."""
    at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    boards.sandbox.mutate("oracle_fusion", collection, keys=[key], set=values, last_update_date=at)


async def test_orders_and_invoices_are_tasks_with_their_costs_and_only_what_changed_is_written_again(
    boards: Boards,
) -> None:
    sandbox = boards.sandbox
    sandbox.seed("oracle_fusion", "purchase_orders", 60)
    sandbox.seed("oracle_fusion", "invoices", 60)
    sandbox.fault("asana", "lose_response", "POST", "*/tasks", every=15)
    sandbox.fault("asana", "status", "POST", "*/tasks", status=429, retry_after=0, every=20)
    state = await boards.sync()
    assert state.is_completed(), state.message

    tasks, orders, invoices = boards.tasks(), oracle(boards, "purchaseOrders"), oracle(boards, "invoices")
    assert tasks.keys() == {*(f"po:{key}" for key in orders), *(f"invoice:{key}" for key in invoices)}
    assert boards.effects()["task.created"] == 120
    for key, order in orders.items():
        task = tasks[f"po:{key}"]
        assert task["projects"] == [ORDERS]
        assert (task["PO number"], task["Supplier"]) == (order["OrderNumber"], order["Supplier"])
        assert float(task["Amount"]) == float(order["Ordered"])
        assert (task["Currency"], task["PO status"]) == (order["CurrencyCode"], order["Status"])
        accounts = [
            d["POChargeAccount"] for one in order["lines"] for s in one["schedules"] for d in s["distributions"]
        ]
        assert task["GL account"].removesuffix("…") in ", ".join(dict.fromkeys(accounts))
        assert all(str(one["Ordered"]) in task["Lines"] for one in order["lines"][:5])
    for key, invoice in invoices.items():
        task = tasks[f"invoice:{key}"]
        assert task["projects"] == [PAYABLES]
        assert task["Invoice number"] == invoice["InvoiceNumber"]
        assert task["Invoice status"].startswith(invoice["ValidationStatus"])
        assert (task["PO number"], task["Currency"]) == (invoice["PurchaseOrderNumber"], invoice["InvoiceCurrency"])
        assert task["Due date"] == invoice["invoiceInstallments"][0]["DueDate"] == task["due_on"]

    sandbox.clear_faults()
    writes = boards.writes()
    assert (await boards.sync()).is_completed()
    assert (await boards.sync(mode="full")).is_completed()
    assert boards.writes() == writes
    key = next(iter(orders))
    sandbox.mutate("asana", "tasks", keys=[f"po:{key}"], set={"name": "Ours now", "due_on": "2027-01-01"})
    changed(boards, "purchaseOrders", key, Status="Closed")
    assert (await boards.sync()).is_completed()
    assert boards.writes() == writes + 1
    task = boards.tasks()[f"po:{key}"]
    assert (task["PO status"], task["name"], task["due_on"]) == ("Closed", "Ours now", "2027-01-01")


async def test_rules_name_the_project_and_a_record_that_none_names_is_left_out_and_said_so(
    installed: Installation, owner: Owner
) -> None:
    rules = """{fields: {project: {choose: [
      {when: "Description == 'elsewhere'", value: null},
      {when: "Description == 'nobody'", value: nowhere},
      {when: "ProcurementBU == 'Vision Deutschland'", value: invoices},
      {when: "lines[].schedules[].distributions[?starts_with(POChargeAccount, '101.10.')][]", value: orders}]}}}"""
    boards = Boards(installed, overlay=rules)
    await boards.prepare()
    boards.sandbox.seed("oracle_fusion", "purchase_orders", 12)
    elsewhere, *_ = keys = list(oracle(boards, "purchaseOrders"))
    for key in keys[1:4]:
        changed(boards, "purchaseOrders", key, ProcurementBU="Vision Deutschland")
    changed(boards, "purchaseOrders", elsewhere, Description="elsewhere")
    assert (await boards.sync()).is_completed()

    tasks = boards.tasks()
    assert tasks.keys() == {f"po:{key}" for key in keys[1:]}
    german = [row for row in oracle(boards, "purchaseOrders").values() if row["ProcurementBU"] == "Vision Deutschland"]
    assert [tasks[f"po:{row['POHeaderId']}"]["projects"] for row in german] == [[PAYABLES]] * len(german)
    assert states(owner, "purchase_orders")["unchanged", "no rule of the mapping names its project"] == 1

    file = settings().tenants_dir / "acme.yaml"
    file.write_text(file.read_text().replace("value: null", "value: orders"))
    assert (await tell(replay, mode="replay", states=["unchanged"])).is_completed()
    assert boards.tasks().keys() == {f"po:{key}" for key in keys}
    changed(boards, "purchaseOrders", keys[1], ago=10, Description="nobody")
    assert (await boards.sync()).is_completed()
    assert ("rejected", "the connection has no project of the name that `project` gives") in states(
        owner, "purchase_orders"
    )


async def test_lists_are_filled_from_reference_data_and_tasks_wait_for_what_they_lack(
    installed: Installation, owner: Owner
) -> None:
    boards = Boards(installed, overlay=LISTS)
    await boards.prepare()
    boards.sandbox.seed("oracle_fusion", "purchase_orders", 20)
    assert (await boards.sync()).is_completed()
    assert boards.tasks() == {}
    assert {state for state, _ in states(owner, "purchase_orders")} == {"parked"}

    state = await boards.sync(streams=["suppliers", "accounts", "purchase_orders"])
    assert state.is_completed(), state.message
    orders, tasks = oracle(boards, "purchaseOrders"), boards.tasks()
    assert {key: tasks[f"po:{key}"]["Supplier"] for key in orders} == {k: row["Supplier"] for k, row in orders.items()}
    assert all(tasks[f"po:{key}"]["GL account"] for key in orders)

    [supplier, *_] = boards.sandbox.state("oracle_fusion", "suppliers")
    gone = {"InactiveDate": datetime.now(UTC).date().isoformat()}
    boards.sandbox.mutate("oracle_fusion", "suppliers", keys=[supplier["SupplierId"]], set=gone)
    writes = boards.writes()
    assert (await boards.sync(streams=["suppliers", "accounts"])).is_completed()
    [field] = [row for row in boards.sandbox.state("asana", "custom_fields") if row["name"] == "Supplier"]
    assert [one["name"] for one in field["enum_options"] if not one["enabled"]] == [supplier["Supplier"]]
    assert boards.writes() == writes + 1
