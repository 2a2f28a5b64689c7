"""Two thousand customers with their contacts: counted at the emulators, not in our own ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml_connector.core.embedded import Embedded
from tests.e2e.child import sync_in_child
from tests.e2e.reconcile import doubled, reconcile
from tests.installation import Installation, installation

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


async def test_memory_does_not_grow_with_the_data(postgres: Embedded, sandbox_url: str, tmp_path: Path) -> None:
    peaks = []
    for customers in (5_000, 20_000):
        name = f"memory_{customers}"
        postgres.create(name, "mlc_template")
        with installation(postgres, name, sandbox_url, tmp_path / name) as installed:
            installed.sandbox.reset()
            installed.sandbox.settings("zendesk", job_delay=0.01, rate_scale=None)
            installed.sandbox.seed("oracle_fusion", "customers", customers)
            await installed.prepare()
            ended = sync_in_child("run-1", streams=("organizations",))
            assert ended.completed, ended.message
            assert installed.sandbox.kinds()["organization.created"] == customers
            peaks.append(ended.peak_mib)
    print(f"peak memory: {peaks[0]:.0f} MiB with 5,000 customers, {peaks[1]:.0f} MiB with 20,000")

    assert peaks[1] - peaks[0] < 60
