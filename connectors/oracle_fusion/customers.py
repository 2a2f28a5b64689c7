"""Customers that are written to: looked up by the id that the link table has, addressed by the number Oracle wants.

A PartyNumber may be changed in Oracle, a PartyId never.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from urllib.parse import quote

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.ranks import whole_number
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import AbortRun
from ml_connector.core.records import Body

ROOT: Root = "crmRestApi"
ASKED_AT_ONCE = 40
"""Conditions in one query; more make the address too long."""
GONE = "the customer is not in Oracle any more, or the user of the connection may not see it"


class Customers:
    """The customers of one pod, `OracleFusion.customers`."""

    def __init__(self, client: OracleFusion) -> None:
        self._client = client
        self._numbers: dict[str, str] = {}

    async def numbers(self, party_ids: Iterable[str]) -> dict[str, str]:
        """PartyNumber by PartyId, of those that there are; each is looked up once."""
        unknown = {party_id for party_id in party_ids if party_id not in self._numbers}
        await self.read(unknown)
        return self._numbers

    async def read(self, party_ids: Collection[str], attributes: Sequence[str] = ()) -> dict[str, Body]:
        """The rows of those that there are, by PartyId, as they are now: PartyId, PartyNumber and ``attributes``.

        `AbortRun` if none is found and the pod shows no customer at all: Fusion answers so without data access.
        """
        ids = [party_id for party_id in dict.fromkeys(party_ids) if whole_number(party_id) is not None]
        found = await find(
            self._client,
            self._client.customers,
            "PartyId",
            {party_id: party_id for party_id in ids},
            ("PartyNumber", *attributes),
        )
        if ids and not found:
            await self._check_access()
        self._numbers |= {party_id: row["PartyNumber"] for party_id, row in found.items()}
        return found

    def path(self, party_number: str, *below: str) -> str:
        """``hubOrganizations/1001/child/Note``, for the client."""
        return "/".join((self._client.customers, quote(party_number, safe=""), *below))

    async def _check_access(self) -> None:
        page = await self._client.collection(ROOT, self._client.customers, limit=1, fields="PartyId")
        if not page.rows:
            raise AbortRun(
                f"{self._client.customers} shows no customer at all: the user of the connection has lost its data "
                "access (README of oracle_fusion, Privileges)",
                vendor=SYSTEM,
                phase=self._client.operation(ROOT, self._client.customers),
            )


async def find(
    client: OracleFusion, resource: str, key: str, literals: dict[str, str], attributes: Sequence[str]
) -> dict[str, Body]:
    """Rows by the value of their attribute ``key``; ``literals`` are the wanted values as they stand in ``q``."""
    found: dict[str, Body] = {}
    wanted = list(literals)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        missing = wanted[start : start + ASKED_AT_ONCE]
        while missing:  # a page may hold fewer rows than it could: what is missing is asked for until nothing comes
            page = await client.collection(
                ROOT,
                resource,
                q=" or ".join(f"{key} = {literals[value]}" for value in missing),
                fields=",".join((key, *attributes)),
                limit=len(missing),
            )
            new = {str(row[key]): row for row in page.rows if str(row.get(key)) in missing}
            if not new:
                break
            found |= new
            missing = [value for value in missing if value not in new]
    return found
