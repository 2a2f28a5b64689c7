"""Two thousand customers with their contacts: counted at the emulators, not in our own ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.reconcile import doubled, reconcile
from tests.installation import Installation

CUSTOMERS, CONTACTS = 2_000, 2_500


async def test_all_arrive_then_nothing_is_written_then_exactly_what_changed(installed: Installation) -> None:
    sandbox = installed.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    await installed.prepare()

    assert (await installed.sync()).is_completed()
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []
    kinds = sandbox.kinds()
    assert (kinds["organization.created"], kinds["user.created"]) == (CUSTOMERS, CONTACTS)
    assert not {kind for kind in kinds if kind.endswith((".updated", ".deleted")) or kind == "mail_sent"}

    writes, since = sandbox.writes(), len(sandbox.effects())
    assert (await installed.sync()).is_completed()
    assert sandbox.writes() == writes

    # the source's clock counts whole seconds: what changes in the current one is for the next window
    then = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    changed = sandbox.mutate("oracle_fusion", "customers", count=4, set={"City": "Elsewhere"}, last_update_date=then)
    changed += sandbox.mutate("oracle_fusion", "contacts", count=3, set={"LastName": "New"}, last_update_date=then)
    assert (await installed.sync()).is_completed()
    seen = sandbox.effects(since=since)
    assert sorted(effect["key"] for effect in seen) == sorted(changed)
    assert {effect["kind"] for effect in seen} == {"organization.updated", "user.updated"}
    assert reconcile(sandbox) == []
