"""Values of segments: what they are called, and from when to when they may be used.

https://docs.oracle.com/en/cloud/saas/applications-common/25d/farca/op-servername-fscmrestapi-resources-11.13.18.05-valuesets-get.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.general_ledger import day_of, is_yes
from connectors.oracle_fusion.rows import key_in_url
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body

ROOT: Root = "fscmRestApi"
RESOURCE = "valueSets"


@dataclass(slots=True, frozen=True)
class SegmentValue:
    """``enabled``: and open for detail posting, where the set says so. ``first``, ``last``: the days on which it may be
    used, both included; None: no bound."""

    description: str | None = field(repr=False)
    enabled: bool
    first: date | None
    last: date | None

    def is_usable(self, day: date) -> bool:
        return self.enabled and (self.first or day) <= day <= (self.last or day)


class SegmentValues:
    """The values of the segments whose value sets the settings name, each set read once. For one read, or one chunk of
    journals: values are closed at any time."""

    def __init__(self, client: OracleFusion) -> None:
        self._client = client
        self._codes = client.settings.value_sets
        self._read: dict[str, dict[str, SegmentValue]] = {}

    async def of(self, account: Mapping[str, str]) -> dict[str, SegmentValue]:
        """By segment, of those of an account that are known: a set may have values that it does not show."""
        found = {}
        for name, value in account.items():
            if code := self._codes.get(name):
                if code not in self._read:
                    self._read[code] = await self._values(code)
                if value in self._read[code]:
                    found[name] = self._read[code][value]
        return found

    async def closed(self, account: Mapping[str, str], day: date) -> str | None:
        """A segment of the account whose value may not be used on the day; None if there is none."""
        return next((name for name, one in (await self.of(account)).items() if not one.is_usable(day)), None)

    async def _values(self, code: str) -> dict[str, SegmentValue]:
        address = await self._address(code)
        found: dict[str, SegmentValue] = {}
        seen: set[str] = set()
        offset = 0
        while True:
            page = await self._client.rows(ROOT, f"{address}/child/values", offset=offset)
            new = [row for row in page.rows if str(row.get("ValueId")) not in seen]
            if not new:
                return found
            seen |= {str(row.get("ValueId")) for row in new}
            offset += len(page.rows)
            for row in new:
                _add(found, row)

    async def _address(self, code: str) -> str:
        page = await self._client.rows(ROOT, RESOURCE, finder=f"ValueSetCodeFinder;ValueSetCode={code}", links="self")
        for row in page.rows:
            if row.get("ValueSetCode") == code and (key := key_in_url(row)):
                return f"{RESOURCE}/{key}"
        raise Misconfigured(
            "`value_sets` names a code of which no value set is seen: compare it with Manage Value Sets, and the roles "
            "of the user of the connection",
            vendor=SYSTEM,
            phase=self._client.operation(ROOT, RESOURCE),
        )


def _add(found: dict[str, SegmentValue], row: Body) -> None:
    """A value of a dependent set stands once for each value that it depends on: it is in use if one of these is."""
    value = SegmentValue(
        str(row["Description"]) if row.get("Description") else None,
        enabled=is_yes(row, "EnabledFlag") and row.get("DetailPostingAllowed") not in ("N", False),
        first=day_of(row, "StartDateActive"),
        last=day_of(row, "EndDateActive"),
    )
    name = str(row.get("Value"))
    if name not in found or not found[name].enabled:
        found[name] = value
