"""Customers and their contacts, read by time window. Source id: the party's id, which outlives its number and name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import ClassVar

from connectors.oracle_fusion import instants
from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.page_size import PageSize
from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByTime
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.records import Body, Page, SourceRecord, Window

PRIVATE = frozenset(
    {
        "DateOfBirth",
        "DateOfDeath",
        "DeceasedFlag",
        "DeclaredEthnicity",
        "Gender",
        "HeadOfHouseholdFlag",
        "HouseholdIncomeAmount",
        "HouseholdSize",
        "MaritalStatus",
        "MaritalStatusEffectiveDate",
        "PersonalIncomeAmount",
        "PlaceOfBirth",
        "RentOrOwnIndicator",
        "TaxpayerIdentificationNumber",
    }
)
"""What Fusion may know of a person and nobody who answers tickets should: it is not even stored."""


class _Parties:
    """One resource of parties. ``hub_names`` gives the Hub's name of an attribute that the resource calls otherwise:
    the record then has it under both names, and one mapping serves both customer sources. ``withheld`` attributes are
    dropped on arrival.
    """

    system = SYSTEM
    windowed = True
    continues = False
    root: Root = "crmRestApi"
    resource: ClassVar[str]
    queried = ("LastUpdateDate", "PartyId")
    hub_names: ClassVar[Mapping[str, str]] = {}
    withheld: ClassVar[Collection[str]] = ()

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self.operation = client.operation(self.root, self.resource)
        self._size = PageSize(client.settings.page_size)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """The parties whose LastUpdateDate is in the window, in the order of (LastUpdateDate, PartyId).

        A party whose LastUpdateDate cannot be read comes with ``modified_at`` None: it is neither lost nor does it
        stop the others. One without a LastUpdateDate matches no window.
        """
        since = None if window.lo is None else instants.micros(window.lo)
        until = instants.micros(window.hi)
        keyset = Keyset(
            self._fetch, ByTime("LastUpdateDate"), "PartyId", since=since, until=until, phase=self.operation
        )
        async for page in keyset.read(cursor):
            yield Page([self._record(row) for row in page.rows], page.cursor, page.request_id)

    async def _fetch(self, q: str, order_by: str) -> CollectionPage:
        return await self._size.ask(
            lambda size, retry: self.client.collection(
                self.root, self.resource, q=q, order_by=order_by, limit=size, finder=self.finder, retry=retry
            )
        )

    @property
    def usage(self) -> str | None:
        """The party usage that is asked for; a party may have several."""
        return None

    @property
    def finder(self) -> str:
        """What chooses the parties, beside ``q``."""
        return f"PartyUsageCodeRF;PartyUsageCode={self.usage}" if self.usage else ""

    def named_as_hub(self, row: Body) -> Body:
        """The row with the Hub's names added."""
        return {hub: row[name] for name, hub in self.hub_names.items() if name in row} | row

    def _record(self, row: Body) -> SourceRecord:
        modified = instants.parse(row.get("LastUpdateDate"))
        body = self.named_as_hub(row)
        for name in self.withheld:
            body.pop(name, None)
        return SourceRecord(row["PartyId"], modified.at if modified else None, body, row.get("PartyNumber"))


class HubOrganizations(_Parties):
    """Organizations of the Trading Community: customers, or what else ``organization_usage`` says."""

    resource = "hubOrganizations"

    @property
    def usage(self) -> str | None:
        return self.client.settings.organization_usage


class HubPersons(_Parties):
    """Persons of the Trading Community; OrganizationPartyId is the organization that a person belongs to.

    Employees are among them, who belong to none, and contacts of suppliers, unless ``person_usage`` leaves them out.
    """

    resource = "hubPersons"
    withheld = PRIVATE

    @property
    def usage(self) -> str | None:
        return self.client.settings.person_usage


class CrmAccounts(_Parties):
    """Accounts of Oracle Sales, with the names of hubOrganizations added."""

    resource = "accounts"
    hub_names: ClassVar[Mapping[str, str]] = {
        "AddressLine1": "Address1",
        "AddressLine2": "Address2",
        "PhoneNumber": "RawPhoneNumber",
    }


class CrmContacts(_Parties):
    """Contacts of Oracle Sales, with the names of hubPersons added."""

    resource = "contacts"
    withheld = PRIVATE
    hub_names: ClassVar[Mapping[str, str]] = {
        "ContactName": "PersonName",
        "AccountPartyId": "OrganizationPartyId",
        "AccountPartyNumber": "OrganizationPartyNumber",
        "AccountName": "OrganizationPartyName",
        "WorkPhoneNumber": "RawWorkPhoneNumber",
        "MobileNumber": "RawMobilePhoneNumber",
    }
