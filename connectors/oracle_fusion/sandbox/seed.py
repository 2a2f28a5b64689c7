"""Invented companies and people, the same for the same seed; only their dates hang on the day."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.oracle_fusion.sandbox.resources import Row, timestamp

BEYOND_DOUBLE = 2**53 + 1
OURS = 9_000_000
"""Organizations that are no customers are numbered from here."""


def words(text: str) -> tuple[str, ...]:
    """What stands between the bars."""
    return tuple(text.split("|"))


PLACES = words(
    "Åkerström|Bąk|Çelik|Dvořák|Egerváry|Fjällbacka|García|Højgaard|İnönü|Jürgens|Kowalczyk|Lefèvre|Müller|Nguyễn|"
    "Østergaard|Petrović|Quiñones|Rossi|Sørensen|Țepeș|Ünal|Vågen|Weiß|Xochimilco|Yüksel|Žukauskas|Łódź|Reykjavík|"
    "Coruña|Białystok|東京|上海|서울|O'Connor|D'Angelo|Fife&Drum|Northwind|Bluewater|Ironbridge|Stillwater|Highmoor"
)
TRADES = words(
    "Logistics|Werkzeugbau|Métaux|Foods & Co|Elektronik|Shipping|Textil|Pharma|Maskin|Papier|Ceramics|Optik|"
    "Verpackung|Aço|Timber|Instruments|Energie|Medical|Robotics|Glas|Automotive|Bau|Chemie|Systems|Paints|Marine"
)
FORMS = words(
    "GmbH:DE|AG:CH|Ltd:GB|S.A.:FR|SpA:IT|A/S:DK|AB:SE|Inc.:US|株式会社:JP|Oy:FI|B.V.:NL|S.L.:ES|a.s.:CZ|Kft.:HU"
)
FIRST_NAMES = words(
    "Anna|Björn|Chloé|Dušan|Élodie|François|Grażyna|Håkon|Ines|João|Kateřina|Léa|Mehmet|Nuño|Zoë|美咲|Siân"
)
LAST_NAMES = words(
    "Andersson|Böhm|Çelebi|Dubois|Eriksen|Fernández|Grünwald|Horák|Ibáñez|Jansen|Kovács|Łukasik|O'Neill|佐藤|Smith"
)
JOBS = ("Accounts Payable", "Buyer", "Controller", "IT Lead", "Plant Manager", None)
CITIES = (("Fresno", "CA", "93650"), ("Görlitz", None, "02826"), ("Málaga", None, "29001"), ("Kraków", None, "30-001"))
ORDER_STATES = ("Open", "Closed", "Pending Approval", "Closed for Receiving", "On Hold")
COMBINATIONS = 360
CURRENCIES = {"EUR": "Euro", "USD": "US Dollar", "JPY": "Yen"}
RATES = {"EUR": Decimal("1.0825"), "JPY": Decimal("0.0066")}
"""Of orders, to US dollars."""


def moments(rng: random.Random, count: int, now: datetime) -> list[datetime]:
    """Dates of the last 300 days. Rows share some of them; a third come from one mass import, within a millisecond."""
    found: list[datetime] = []
    while len(found) < count:
        moment = now - timedelta(seconds=rng.uniform(600, 300 * 86_400))
        found += [moment] * rng.choice((1, 1, 1, 2, 3, 8))
    del found[count:]
    imported = now - timedelta(days=rng.uniform(100, 200))
    millisecond = imported.microsecond // 1000 * 1000
    found[: count // 3] = [imported.replace(microsecond=millisecond + rng.randrange(1000)) for _ in range(count // 3)]
    rng.shuffle(found)
    return found


def party_id(number: int) -> int:
    """Ids as Fusion gives them, and some that a double cannot hold."""
    return BEYOND_DOUBLE + 2 * number if number % 7 == 3 else 300_000_000_000_000 + 13 * number


def company(number: int) -> tuple[str, str]:
    """A name that no other number has, and a country."""
    rest, place = divmod(number, len(PLACES))
    rest, trade = divmod(rest, len(TRADES))
    again, form = divmod(rest, len(FORMS))
    legal, country = FORMS[(form + place) % len(FORMS)].split(":")
    branch = f" {again + 1}" if again else ""
    return f"{PLACES[place]} {TRADES[trade]}{branch} {legal}", country


def organization(rng: random.Random, number: int, modified: datetime) -> Row:
    """A hubOrganizations row of the ``number``-th company."""
    name, country = company(number)
    city, state, postal = rng.choice(CITIES)
    domain = f"{_slug(name)}-{number}.example"
    return {
        "PartyId": party_id(2 * number),
        "PartyNumber": f"CDRM_{number}" if number % 5 == 0 else str(100_000 + number),
        "OrganizationName": name,
        "OrganizationType": None,
        "PartyUsageCode": "CUSTOMER",
        "Status": "A",
        "EmailAddress": f"info@{domain}" if rng.random() < 0.9 else None,
        "URL": f"https://{domain}",
        "RawPhoneNumber": f"+1 555 {number:07d}",
        "Address1": f"{rng.randint(1, 99)} Main St",
        "Address2": None,
        "City": city,
        "State": state,
        "PostalCode": postal,
        "Country": country if rng.random() < 0.98 else None,
        "FormattedAddress": f"{city}, {postal}",
        "LineOfBusiness": None,
        "Comments": None,
        "TaxpayerIdentificationNumber": f"TX{number:08d}",
        "DUNSNumber": None,
        "EmployeesTotal": rng.randint(1, 90_000),
        "PreferredFunctionalCurrency": "EUR",
        "CurrentFiscalYearPotentialRevenueAmount": money(rng, 10**9),
        "CurrencyCode": "EUR",
        "SourceSystem": None,
        "SourceSystemReferenceValue": None,
        "ValidatedFlag": False,
        "EmailVerificationStatus": None,
        "CreatedByModule": "HZ_WS",
        **who(rng, modified),
    }


def person(rng: random.Random, number: int, employer: Row, modified: datetime) -> Row:
    """A hubPersons row; nobody else has its email address."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    address = f"{_slug(first)}.{_slug(last)}.{number}@{employer['URL'].removeprefix('https://')}"
    return {
        "PartyId": party_id(2 * number + 1),
        "PartyNumber": f"P{200_000 + number}",
        "PersonName": f"{first} {last}",
        "FirstName": first,
        "MiddleName": None,
        "LastName": last,
        "Salutation": None,
        "JobTitle": rng.choice(JOBS),
        "Department": None,
        "PartyUsageCode": "ORGANIZATION_CONTACT",
        "Status": "A",
        "EmailAddress": address if rng.random() < 0.95 else None,
        "RawWorkPhoneNumber": f"+1 556 {number:07d}",
        "RawMobilePhoneNumber": None,
        "ContactRole": None,
        "OrganizationPartyId": employer["PartyId"],
        "OrganizationPartyNumber": employer["PartyNumber"],
        "OrganizationPartyName": employer["OrganizationName"],
        "Country": employer["Country"],
        "TimezoneCode": None,
        "DoNotContactFlag": False,
        "DoNotEmailFlag": False,
        "EmailVerificationStatus": None,
        "SourceSystem": None,
        "SourceSystemReferenceValue": None,
        "CreatedByModule": "HZ_WS",
        **who(rng, modified),
    }


def accounts(rng: random.Random, party: Row, number: int, modified: datetime) -> Iterator[tuple[Row, Row]]:
    """The receivables accounts of an organization, most often one, each with its credit profile."""
    for nth in range(rng.choices((0, 1, 2), (8, 87, 5))[0]):
        account_id = 300_100_000_000_000 + 10 * number + nth
        account_number = f"{40_000 + number}" + "-2" * nth
        open_amount = money(rng, 5_000_000)
        yield (
            {
                "AccountId": account_id,
                "AccountNumber": account_number,
                "CustomerId": party["PartyId"],
                "CustomerName": party["OrganizationName"],
                "TaxRegistrationNumber": None,
                "TaxpayerIdentificationNumber": party["TaxpayerIdentificationNumber"],
                "TotalOpenReceivablesForAccount": open_amount,
                "TotalTransactionsDueForAccount": min(open_amount, money(rng, 2_000_000)),
                **who(rng, modified),
            },
            {
                "AccountNumber": account_number,
                "SiteNumber": None,
                "CustomerAccountId": account_id,
                "CustomerAccountProfileId": account_id + 7,
                "ProfileClassName": "DEFAULT",
                "CreditHold": "Y" if rng.random() < 0.05 else "N",
                "CreditCurrencyCode": "EUR",
                "CreditLimit": money(rng, 10_000_000) if rng.random() < 0.9 else None,
                "PaymentTerms": rng.choice(("Net 30", "Net 60", "Immediate", None)),
            },
        )


def supplier(rng: random.Random, party: Row, number: int, modified: datetime) -> Row:
    """The suppliers row of an organization that also sells to us."""
    return {
        "SupplierId": 300_200_000_000_000 + number,
        "Supplier": party["OrganizationName"],
        "SupplierNumber": f"{1000 + number}",
        "SupplierPartyId": party["PartyId"],
        "AlternateName": None,
        "BusinessRelationshipCode": "SPEND_AUTHORIZED",
        "BusinessRelationship": "Spend Authorized",
        "SupplierTypeCode": "SUPPLIER",
        "SupplierType": "Supplier",
        "Status": "ACTIVE",
        "InactiveDate": None,
        "TaxpayerId": party["TaxpayerIdentificationNumber"],
        "TaxRegistrationNumber": None,
        "TaxpayerCountry": None,
        "TaxpayerCountryCode": party["Country"],
        "CorporateWebsite": party["URL"],
        "OneTimeSupplierFlag": False,
        "DUNSNumber": None,
        **who(rng, modified),
    }


def purchase_order(rng: random.Random, seller: Row, number: int, modified: datetime) -> Row:
    """A purchaseOrders row with its lines."""
    currency = rng.choice(tuple(CURRENCIES))
    status = rng.choice(ORDER_STATES)
    dates = who(rng, modified.replace(microsecond=0))
    state = {"CurrencyCode": currency, "Status": status, "StatusCode": status.upper(), **dates}
    header_id = 300_300_000_000_000 + 100 * number
    order = f"US{160_000 + number}"
    lines = [
        _line(rng, nth, {"POLineId": header_id + nth, "POHeaderId": header_id, "OrderNumber": order, **state})
        for nth in range(1, rng.randint(1, 3) + 1)
    ]
    for line in lines:
        line["schedules"] = [schedule(line)]
    ordered = sum((line["Ordered"] for line in lines), Decimal(0))
    tax = (ordered / 10).quantize(Decimal("0.01"))
    return {
        "POHeaderId": header_id,
        "OrderNumber": order,
        "Description": None,
        "SoldToLegalEntity": "US1 Legal Entity",
        "ProcurementBUId": 300_000_001_616_323,
        "ProcurementBU": "US1 Business Unit",
        "RequisitioningBU": "US1 Business Unit",
        "BillToBU": "US1 Business Unit",
        "Buyer": "Singh, Saurabh",
        "Supplier": seller["Supplier"],
        "SupplierId": seller["SupplierId"],
        "SupplierPartyId": seller["SupplierPartyId"],
        "SupplierSite": "SITE1",
        "Currency": CURRENCIES[currency],
        "Ordered": ordered,
        "TotalTax": tax,
        "Total": ordered + tax,
        "Revision": 0,
        "FrozenFlag": False,
        "FundsStatus": "Not applicable",
        "PaymentTerms": "Net 30",
        "OrderDate": date.fromisoformat(dates["CreationDate"][:10]).isoformat(),
        "AcknowledgmentDueDate": None,
        "RequiredAcknowledgment": "None",
        "RequiredAcknowledgmentCode": "N",
        "AcknowledgeWithinDays": None,
        "ConversionRate": RATES.get(currency),
        "ConversionRateType": "User" if currency in RATES else None,
        "ConversionRateDate": dates["CreationDate"][:10] if currency in RATES else None,
        **state,
        "lines": lines,
    }


def _line(rng: random.Random, nth: int, shared: Row) -> Row:
    quantity, price = rng.randint(1, 20), money(rng, 100_000)
    return {
        **shared,
        "LineNumber": nth,
        "LineType": "Goods",
        "Item": f"AS{rng.randint(10_000, 99_999)}",
        "Description": "Standard desktop",
        "Quantity": quantity,
        "Price": price,
        "Ordered": quantity * price,
        "Total": quantity * price,
        "UOMCode": "Ea",
    }


def schedule(line: Row, nth: int = 1, shares: tuple[int, ...] = (100,)) -> Row:
    """A delivery of a line, charged to accounts by percentage."""
    key = 100 * line["POLineId"] + nth
    shared = {
        name: line[name]
        for name in (
            *("POHeaderId", "POLineId", "OrderNumber", "UOMCode", "CurrencyCode", "Status", "StatusCode"),
            *("CreationDate", "CreatedBy", "LastUpdateDate", "LastUpdatedBy"),
        )
    }
    amounts = {
        "Quantity": line["Quantity"],
        "Ordered": line["Ordered"],
        "Total": line["Ordered"],
        "TotalTax": Decimal(0),
    }
    return {
        **shared,
        **amounts,
        "LineLocationId": key,
        "ScheduleNumber": nth,
        "Price": line["Price"],
        "RequestedDeliveryDate": line["LastUpdateDate"][:10],
        "PromisedDeliveryDate": None,
        "ReceivedQuantity": 0,
        "BilledQuantity": 0,
        "ShipToOrganization": "Seattle",
        "ShipToLocationCode": "Seattle",
        "DestinationType": "Expense",
        "distributions": [
            {
                **shared,
                "PODistributionId": 100 * key + number,
                "DistributionNumber": number,
                "Percentage": share,
                "POChargeAccount": account(line["POLineId"] + number),
                "POChargeAccountId": combination_id(line["POLineId"] + number),
                "POAccrualAccount": account(0),
                "Requester": "Miller, Jo",
                "DeliverToLocationCode": "Seattle",
                **{name: part(amount, shares, number) for name, amount in amounts.items()},
            }
            for number, share in enumerate(shares, 1)
        ],
    }


def part(amount: Any, shares: tuple[int, ...], nth: int) -> Any:
    """The ``nth`` share of an amount; the last one takes what rounding leaves."""
    parts = [(Decimal(amount) * share / 100).quantize(Decimal("0.01")) for share in shares[:-1]]
    return Decimal(amount) - sum(parts, Decimal(0)) if nth == len(shares) else parts[nth - 1]


def account(number: int) -> str:
    """An account combination; the first one is a liability."""
    number %= COMBINATIONS
    return f"101.10.{60_500 + number % 40}.{120 + number // 40}.000.000" if number else "101.10.22100.000.000.000"


def combination_id(number: int) -> int:
    return 626_000 + number % COMBINATIONS


def who(rng: random.Random, modified: datetime) -> dict[str, Any]:
    """The columns that say who created and changed a row, and when."""
    created = modified - timedelta(seconds=rng.randrange(900 * 86_400))
    return {
        "CreationDate": timestamp(created),
        "CreatedBy": "FUSION_APPS_CRM_SOA_APPID",
        "LastUpdateDate": timestamp(modified),
        "LastUpdatedBy": "casey.brown",
    }


def money(rng: random.Random, most: int) -> Decimal:
    """An amount below ``most`` with cents."""
    return Decimal(rng.randrange(most * 100)).scaleb(-2)


def _slug(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-") or "x"
