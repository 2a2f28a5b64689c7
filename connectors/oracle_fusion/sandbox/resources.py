"""The resources that the sandbox plays: their attributes, what `q` may use of them, their finders.

Names, types and queryable flags are those of Oracle's API reference; a real row has more attributes than these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

Row = dict[str, Any]

CREATION, LAST_UPDATE = "CreationDate", "LastUpdateDate"


class Type(StrEnum):
    """Attribute types, as a describe names them."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. Rows hold date-times as text, see ``timestamp``."""

    name: str
    type: Type
    queryable: bool

    def comparable(self, value: Any) -> Any:
        """A row's value (not None) in a form that orders rightly."""
        return micros(value) if self.type is Type.DATETIME else value

    def literal(self, text: str) -> Any:
        """A literal of a query in the same form; ``ValueError`` if it is not of this attribute's type."""
        match self.type:
            case Type.INTEGER:
                return int(text)
            case Type.NUMBER:
                return Decimal(text)
            case Type.BOOLEAN:
                return {"true": True, "false": False}[text.lower()]
            case Type.DATETIME:
                return micros(text)
            case _:
                return text


def micros(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 date-time; one without a zone is refused."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a date-time without a zone")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // RESOLUTION


RESOLUTION = datetime.resolution


def timestamp(moment: datetime) -> str:
    """As rows hold date-times. The database is finer than what is shown, and orders and compares by all digits."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def shown(held: str) -> str:
    """As Fusion writes date-times: ``2026-11-20T08:15:30.123+00:00``, without a fraction where there is none."""
    fraction = held[19:26]
    return held[:19] + ("" if fraction == ".000000" else fraction[:4]) + held[26:]


def served(row: Row) -> Row:
    """A row with its date-times, and those of the rows below it, as shown."""
    below = {name: [served(one) for one in value] for name, value in row.items() if isinstance(value, list)}
    return row | {name: shown(row[name]) for name in (CREATION, LAST_UPDATE) if name in row} | below


def attributes(text: str) -> dict[str, Attribute]:
    """``Name:type``, a string where no type stands; ``-Name`` cannot be used in `q`."""
    found = {}
    for word in text.split():
        name, _, kind = word.lstrip("-").partition(":")
        found[name] = Attribute(name, Type(kind or "string"), not word.startswith("-"))
    return found


@dataclass(frozen=True, slots=True)
class Resource:
    """One REST resource. ``id`` is unique and an integer; ``key`` stands in its URL, None where that is opaque."""

    name: str
    api: str
    id: str
    key: str | None
    edited: str
    """What an ordinary edit in the application changes."""
    attributes: dict[str, Attribute]
    finders: Mapping[str, tuple[str, ...]]
    """Finder variables by finder; the ones named as an attribute filter by it."""
    children: Mapping[str, Resource] = field(default_factory=dict)
    """Collections below each row, by name; a row holds theirs under it. Their ``id`` is unique below one row."""
    parameters: frozenset[str] = frozenset()
    """Query parameters beside those that every collection takes."""
    looked_up: frozenset[str] = frozenset()
    """Names that belong to other tables: a request that chooses ``fields`` does not get them, as practitioners say."""

    @property
    def indexed(self) -> list[str]:
        """Attributes that people look rows up by."""
        return [name for name, one in self.attributes.items() if one.queryable and name.endswith(("Id", "Number"))]


def fscm(
    name: str, key: str, edited: str, attribute_text: str, children: tuple[Resource, ...] = (), *, opaque: bool = False
) -> Resource:
    """A resource of finance and procurement; ``opaque``: ``key`` does not stand in its URL."""
    return Resource(
        name=name,
        api="fscmRestApi",
        id=key,
        key=None if opaque else key,
        edited=edited,
        finders={"PrimaryKey": (key,)},
        attributes=attributes(attribute_text),
        children={child.name: child for child in children},
    )


WHO = "CreationDate:datetime CreatedBy LastUpdateDate:datetime LastUpdatedBy"
PARTY_FINDERS = {
    "PrimaryKey": ("PartyId",),
    "PartyIdAltKey": ("PartyId",),
    "PartyNumberAltKey": ("PartyNumber",),
    "PartyNumberRF": ("PartyNumber",),
    "PartyUsageCodeRF": ("PartyUsageCode",),
}

HUB_ORGANIZATIONS = Resource(
    name="hubOrganizations",
    api="crmRestApi",
    id="PartyId",
    key="PartyNumber",
    edited="OrganizationName",
    finders=PARTY_FINDERS,
    attributes=attributes(
        f"""PartyId:integer PartyNumber OrganizationName OrganizationType PartyUsageCode Status EmailAddress URL
        RawPhoneNumber Address1 Address2 City State PostalCode Country -FormattedAddress LineOfBusiness Comments
        TaxpayerIdentificationNumber DUNSNumber EmployeesTotal:number PreferredFunctionalCurrency
        CurrentFiscalYearPotentialRevenueAmount:number CurrencyCode SourceSystem SourceSystemReferenceValue
        ValidatedFlag:boolean -EmailVerificationStatus CreatedByModule {WHO}"""
    ),
)

HUB_PERSONS = Resource(
    name="hubPersons",
    api="crmRestApi",
    id="PartyId",
    key="PartyNumber",
    edited="LastName",
    finders=PARTY_FINDERS,
    attributes=attributes(
        f"""PartyId:integer PartyNumber PersonName FirstName MiddleName LastName Salutation JobTitle Department
        PartyUsageCode Status EmailAddress RawWorkPhoneNumber RawMobilePhoneNumber ContactRole
        OrganizationPartyId:integer OrganizationPartyNumber OrganizationPartyName Country TimezoneCode
        DoNotContactFlag:boolean DoNotEmailFlag:boolean -EmailVerificationStatus SourceSystem
        SourceSystemReferenceValue CreatedByModule {WHO}"""
    ),
)

ACCOUNT_ACTIVITIES = Resource(
    name="receivablesCustomerAccountActivities",
    api="fscmRestApi",
    id="AccountId",
    key="AccountId",
    edited="TotalOpenReceivablesForAccount",
    # TransactionStatus (default Open) and TransactionLimitByDays (default 90) choose the transactions that the totals
    # cover; the sandbox holds totals only, so it takes these variables and lists the same rows.
    finders={
        "PrimaryKey": ("AccountId",),
        "CustomerAccountActivitiesFinder": (
            *("AccountNumber", "CustomerName", "TaxRegistrationNumber", "TaxpayerIdentificationNumber"),
            *("TransactionLimitByDays", "TransactionStatus"),
        ),
    },
    attributes=attributes(
        f"""AccountId:integer AccountNumber CustomerId:integer CustomerName TaxRegistrationNumber
        TaxpayerIdentificationNumber -TotalOpenReceivablesForAccount:number -TotalTransactionsDueForAccount:number
        {WHO}"""
    ),
)

SUPPLIERS = fscm(
    "suppliers",
    "SupplierId",
    "AlternateName",
    """SupplierId:integer Supplier SupplierNumber SupplierPartyId:integer AlternateName BusinessRelationshipCode
    BusinessRelationship SupplierTypeCode SupplierType -Status InactiveDate:date TaxpayerId TaxRegistrationNumber
    -TaxpayerCountry -TaxpayerCountryCode -CorporateWebsite -OneTimeSupplierFlag:boolean DUNSNumber
    CreationDate:datetime -CreatedBy -LastUpdateDate:datetime -LastUpdatedBy""",
)
