"""What becomes of a supplier of an emulated Workday that is deactivated and paid, in an emulated Zendesk."""

from __future__ import annotations

from tests.e2e.conftest import Owner
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import held
from tests.installation import Installation


async def test_a_deactivation_and_a_payment_arrive_and_nothing_else_is_written(installed: Installation) -> None:
    erp, sandbox = Workday(installed), installed.sandbox
    await erp.prepare(30)
    assert (await erp.sync()).is_completed()
    there = held(sandbox, "organizations")
    suppliers = {row["Supplier_ID"] for row in sandbox.state("workday", "suppliers") if row["Status"] == "ACTIVE"}
    assert there.keys() == {f"workday-{key}" for key in suppliers}
    invoices = sandbox.state("workday", "supplier_invoices")
    [key, *_] = sorted(suppliers & {row["Supplier_ID"] for row in invoices})
    sandbox.mutate("workday", "suppliers", keys=[key], set={"Status": "INACTIVE"})
    mine = [row["Invoice_Number"] for row in invoices if row["Supplier_ID"] == key]
    sandbox.mutate("workday", "supplier_invoices", keys=mine, pay=1)
    since = len(sandbox.effects())
    assert (await erp.sync()).is_completed()

    assert erp.wrong() == []
    after = held(sandbox, "organizations")
    assert {other for other in there if there[other] != after[other]} == {f"workday-{key}"}
    assert set(sandbox.kinds(since=since)) == {"organization.updated"}
    fields = after[f"workday-{key}"]
    assert (fields["workday_status"], fields["workday_open_invoices"]) == ("inactive", 0)
    assert fields["workday_open_amount"] is None
    assert fields["workday_last_payment"] is not None


async def test_what_belongs_to_an_inactive_supplier_waits_for_nothing_and_comes_when_it_is_active(
    installed: Installation, owner: Owner
) -> None:
    erp, sandbox = Workday(installed), installed.sandbox
    await erp.prepare(30)
    assert (await erp.sync()).is_completed()
    parked = owner.execute("select count(*) from effect where state = 'parked'").fetchone()
    aside = owner.execute("select count(*) from effect where reason like '%not awaited'").fetchone()
    assert parked == (0,)
    assert aside != (0,)

    suppliers = sandbox.state("workday", "suppliers")
    inactive = {row["Supplier_ID"] for row in suppliers if row["Status"] == "INACTIVE"}
    theirs = {row["Supplier_ID"] for row in sandbox.state("workday", "supplier_invoices")} & inactive
    sandbox.mutate("workday", "suppliers", keys=sorted(theirs), set={"Status": "ACTIVE"})
    assert (await erp.sync()).is_completed()
    assert erp.wrong() == []
    there = held(sandbox, "organizations")
    assert all(there[f"workday-{key}"]["workday_recent_invoices"] is not None for key in theirs)
