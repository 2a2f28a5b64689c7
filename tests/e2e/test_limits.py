"""Two workers that run four tenants of one Zendesk account keep to its limits, counted at the emulated account.

``E2E_LIMITS_SECONDS=660 pytest -m slow -s`` fills the longest window, ten minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from tests.e2e.conftest import Owner
from tests.e2e.erp_qad import QAD, Qad
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import Erp, Row, make
from tests.installation import Installation, Sandbox


class Nameless(Qad):
    """Contacts without addresses: those of the other tenant's belong to that tenant's users."""

    connections = QAD.replace("EMail: contact.ContactEMail, ", "")


SECONDS = float(os.environ.get("E2E_LIMITS_SECONDS", "660"))
FLOWS = {
    "qad": ("qad_zendesk:sync_customers", "qad_zendesk:tie_tickets"),
    "workday": ("workday_zendesk:sync_suppliers", "workday_zendesk:enrich_tickets"),
}
TENANTS: dict[str, type[Erp]] = {"first": Qad, "second": Nameless, "third": Workday, "fourth": Workday}
RECORDS = 16
SLACK = 0.05
"""Seconds by which two requests may come closer on their way."""
LIMITS = {
    r"PUT /api/v2/users/\d+": [("", 1, 1.0), ("each", 5, 60.0)],
    r"PUT /api/v2/organizations/\d+": [("each", 5, 60.0)],
    r"PUT /api/v2/tickets/\d+": [("each", 30, 600.0), ("", 100, 60.0)],
    "GET /api/v2/incremental/.*": [("", 10, 60.0)],
    ".*": [("", 400, 60.0)],
}
"""Per kind of request: how many in how many seconds, in all or of each address."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_two_workers_and_four_tenants_keep_to_the_limits_of_their_account(
    installed: Installation, owner: Owner
) -> None:
    wanted = await _prepared(installed)
    command = [sys.executable, "-m", "tests.e2e.worker", json.dumps(wanted)]
    workers = [subprocess.Popen(command) for _ in range(2)]  # noqa: ASYNC220 - it takes no time
    try:
        await _pressed(installed.sandbox, owner)
        assert [worker.poll() for worker in workers] == [None, None]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


async def _prepared(installed: Installation) -> list[tuple[str, str]]:
    """Four tenants, of which each ERP has two; their flows."""
    sandbox = installed.sandbox
    sandbox.settings("zendesk", export_excludes_seconds=0)
    for name, kind in TENANTS.items():
        erp = kind(installed, name=name, unlimited=False)
        await erp.tenant.prepare([*erp.synced, "tickets"])
        if name in ("first", "third"):
            erp.seed(RECORDS)
    for invoice in sandbox.state("workday", "supplier_invoices"):
        make(sandbox, f"When is {invoice['Invoice_Number']} paid?")
    return [(flow, name) for name, kind in TENANTS.items() for flow in FLOWS[kind.integration.partition("_")[0]]]


async def _pressed(sandbox: Sandbox, owner: Owner) -> None:
    """Change more than may be written, and count what arrives."""
    sandbox.settings("zendesk", rate_scale=1.0, requests_per_minute=400)
    seen: dict[int, Row] = {}
    until = time.monotonic() + SECONDS
    while (now := time.monotonic()) < until:
        _change(sandbox, owner, int(until - now))
        seen |= {one["n"]: one for one in sandbox.last_requests("zendesk")}
        await asyncio.sleep(1)

    requests = [one for one in seen.values() if one["path"].startswith("/api/")]
    most = {kind: _most(requests, kind) for kind in LIMITS}
    print(f"{len(requests)} requests in {SECONDS:.0f} s; the most in a window: {most}; {dict(sandbox.kinds())}")
    assert sandbox.state("zendesk", "rate_violations") == []
    for kind, limits in LIMITS.items():
        for (_, limit, _), found in zip(limits, most[kind], strict=True):
            assert found <= limit, f"{kind}: {found} of {limit}"


def _change(sandbox: Sandbox, owner: Owner, turn: int) -> None:
    """One contact, a few customers and one invoice at each turn, all of them at times; and each export is due."""
    phone = {"contact.ContactTelephone": f"+1 {turn}"}
    sandbox.mutate("qad", "contacts", count=RECORDS if turn % 20 == 0 else 1, set=phone)
    sandbox.mutate("qad", "customers", count=3, set={"address.AddressCity": f"City {turn}"})
    status = {"Payment_Status": "Paid" if turn % 2 else "Unpaid"}
    sandbox.mutate("workday", "supplier_invoices", count=2 * RECORDS if turn % 60 == 0 else 1, set=status)
    owner.execute("update watermark set updated_at = now() - interval '1 h' where stream like '%tickets'")


def _most(requests: list[Row], kind: str) -> list[int]:
    """The most requests of a kind in any window of its limits."""
    return [_in_a_window(_times(requests, kind, scope), seconds - SLACK) for scope, _, seconds in LIMITS[kind]]


def _times(requests: list[Row], kind: str, scope: str) -> list[list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for one in requests:
        call = f"{one['method']} {one['path']}"
        if re.fullmatch(kind, call) and one["status"] != 429:
            found[call if scope else ""].append(one["at"])
    return [sorted(times) for times in found.values()]


def _in_a_window(series: list[list[float]], seconds: float) -> int:
    return max((sum(start <= at < start + seconds for at in times) for times in series for start in times), default=0)
