"""Customers and contacts of Oracle that become organizations and users of Zendesk, for the crash harness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.crash.harness import Journey
from tests.installation import Installation

CUSTOMERS, CONTACTS, CHANGED = 4, 4, 2


def journey(installed: Installation) -> Journey:
    """The flow's own body."""

    async def tell(run: str, count: int) -> bool:
        return (await installed.sync(run, count=count, completed=0)).is_completed()

    return tell


class Customers:
    """They are new, or some of them change."""

    system = "zendesk"
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "lose_response", "method": "PUT", "path": "/api/v2/*_many", "times": 1},
        {"fault": "lose_response", "method": "POST", "path": "/api/v2/*_many", "times": 1},
        {"fault": "apply_then_status", "method": "P*", "path": "/api/v2/*_many", "times": 1, "status": 504},
        {"fault": "status", "method": "P*", "path": "/api/v2/*_many", "times": 1, "status": 503},
        {"fault": "reset", "method": "GET", "path": "/api/v2/*", "times": 2},
        {"fault": "search_lag", "seconds": 0.05},
        {"fault": "job_delay", "seconds": 0.03},
    )

    def __init__(self, installed: Installation) -> None:
        self.installed = installed
        self.sandbox = installed.sandbox

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:  # noqa: ARG002
        asyncio.run(self.installed.prepare(("organizations", "users")))
        self.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
        self.sandbox.seed("oracle_fusion", "contacts", CONTACTS)
        if name == "changed":
            tell()
            # the source's clock counts whole seconds: what was changed in the current one is for the next window
            when = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
            change = {"count": CHANGED, "last_update_date": when}
            self.sandbox.mutate("oracle_fusion", "hubOrganizations", set={"City": "Elsewhere"}, **change)
            self.sandbox.mutate("oracle_fusion", "hubPersons", set={"RawWorkPhoneNumber": "+4930555000"}, **change)

    def expected(self, name: str) -> int:
        return 2 * CHANGED if name == "changed" else CUSTOMERS + 2 * CONTACTS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:
        seen: Counter[tuple[str, str]] = Counter(
            (effect["kind"], effect["key"]) for effect in self.sandbox.effects(since=since)
        )
        counted = ("created", "updated")
        doubled = [f"{kind} {key} x{n}" for (kind, key), n in seen.items() if kind.endswith(counted) and n > 1]
        if name == "new":
            doubled += [f"{kind} {key}, just created" for kind, key in seen if kind.endswith(".updated")]
        return self._lost(name), doubled

    def _lost(self, story: str) -> list[str]:
        """What the source holds and the emulated Zendesk does not."""
        organizations = {o["external_id"]: o for o in self.sandbox.state("zendesk", "organizations")}
        users = {u["external_id"]: u for u in self.sandbox.state("zendesk", "users") if u["external_id"]}
        lost = []
        for row in self.sandbox.state("oracle_fusion", "hubOrganizations"):
            found = organizations.get(row["PartyNumber"])
            address = (found or {}).get("organization_fields", {}).get("billing_address") or ""
            if found is None or (row.get("City") or "") not in address:
                lost.append(f"organization {row['PartyNumber']}")
        by_id = {str(o["id"]): o["external_id"] for o in organizations.values()}
        for row in self.sandbox.state("oracle_fusion", "hubPersons"):
            user = users.get(row["PartyNumber"])
            phone = row.get("RawWorkPhoneNumber")
            if (
                user is None
                or by_id.get(str(user["organization_id"])) != row["OrganizationPartyNumber"]
                or (story == "changed" and phone == "+4930555000" and user["phone"] != phone)
            ):
                lost.append(f"user {row['PartyNumber']}")
        return lost
