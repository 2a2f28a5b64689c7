"""What an instance has for our entities, and a proposal for the tenant file.

https://github.com/DigvijayERP/ApexTransformJAVA lists 3,357 browses of one installation; these are the standard ones
that join the tables in question. Which of them an instance lets its users see differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.qad.client import Column, Qad
from connectors.qad.settings import MADE, MODELS
from ml_connector.core.errors import Misconfigured

_CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "customers": (
        "urn:browse:bebrowse:com.qad.erp.base.customerV2s",
        *(f"urn:browse:mfg:{code}" for code in ("cm300", "cm301", "cm001", "cm010")),
    ),
    "contacts": tuple(f"urn:browse:mfg:{code}" for code in ("cm803", "cr007", "cr018")),
    "orders": ("urn:browse:bebrowse:com.qad.erp.sales.salesOrders", "urn:browse:mfg:so803", "urn:browse:mfg:so101"),
    "invoices": ("urn:browse:mfg:an001",),
}
_CUSTOMER_RECORD = "urn:be:com.qad.base.customer.ICustomerV2"
_KEYS = {"customers": "customerCode", "contacts": "contactCode", "orders": "orderNumber", "invoices": "invoiceNumber"}
_ALIASES: Mapping[str, str] = {
    "customerCode": "debtorcode|cmaddr|socust|customer",
    "businessRelationName": "businessrelationname1|adname|customername",
    "addressSearchName": "adsort|searchname",
    "street1": "addressstreet1|adline1",
    "city": "addresscity|adcity",
    "zipCode": "addresszip|adzip",
    "stateCode": "addressstate|adstate",
    "countryCode": "adctry|addresscountry",
    "EMail": "addressemail|contactemail|ademail",
    "telephone": "addresstelephone|contacttelephone|adphone|phone",
    "mobile": "contactmobilephone|mobilephone",
    "name": "contactname|adattn",
    "contactCode": "contactid|contactnumber",
    "orderNumber": "sonbr|salesordernumber",
    "orderDate": "soorddate",
    "dueDate": "soduedate",
    "status": "sostat",
    "purchaseOrder": "sopo",
    "invoiceNumber": "dinvoicevoucher|invoicenbr|soinvnbr",
    "isActive": "debtorisactive|contactisactive",
}
"""Columns that usually mean one of our fields, without their prefix, dots and underscores."""
_MODIFIED = re.compile(r"(last)?mod(ified)?(date|datetime)$")


async def discover(client: Qad) -> str:
    """YAML for the connection's settings: for each entity the first browse that the instance describes.

    What could not be matched stands behind it as comments. Whoever reads it decides.
    """
    found = {name: await _usable(client, candidates) for name, candidates in _CANDIDATES.items()}
    matched = {name: _matched(name, next(iter(usable.values()))) for name, usable in found.items() if usable}
    # The code of a customer is unique within its shared set, but a key helps only where all can name it.
    whole = all("sharedSetCode" in fields for fields in matched.values())
    lines = ["# Proposed from what the instance describes. Compare it with a record that you know.", "entities:"]
    for name, usable in found.items():
        if not usable:
            lines.append(f"  # {name}: none of the usual browses is described here; name one that your users know")
            continue
        (urn, columns), *others = usable.items()
        lines += _proposal(name, urn, columns, matched[name], whole=whole)
        lines += [f"    # also there: {other}" for other, _ in others]
    if fields := await _record_fields(client):
        lines.append(f"# fields of the customer record: {', '.join(fields)}")
    return "\n".join(lines) + "\n"


async def _usable(client: Qad, candidates: Sequence[str]) -> dict[str, Mapping[str, Column]]:
    return {urn: columns for urn in candidates if (columns := await _described(client, urn))}


async def _described(client: Qad, urn: str) -> dict[str, Column]:
    try:
        return await client.columns(urn)
    except Misconfigured:  # this user may not see it
        return {}


async def _record_fields(client: Qad) -> list[str]:
    try:
        return await client.entity_fields(_CUSTOMER_RECORD)
    except Misconfigured:  # it may take a developer's rights
        return []


def _matched(name: str, columns: Mapping[str, Column]) -> dict[str, str]:
    """Column by field of ours."""
    fields: dict[str, str] = {}
    for field in [field for field in MODELS[name].model_fields if field not in MADE]:
        wanted = re.compile(f"{field.lower()}|{_ALIASES.get(field, field.lower())}")
        match = next((one for one in columns if one not in fields.values() and wanted.fullmatch(_bare(one))), None)
        if match is not None:
            fields[field] = match
    return fields


def _proposal(
    name: str, urn: str, columns: Mapping[str, Column], fields: Mapping[str, str], *, whole: bool
) -> list[str]:
    modified = next((one for one in columns if _MODIFIED.search(_bare(one))), None)
    key = [one for one in (*(["sharedSetCode"] if whole else []), _KEYS[name]) if one in fields]
    lines = [f"  {name}:", f"    browse: {urn}", f"    key: [{', '.join(key)}]"]
    if not key:
        lines.append("    # none of the columns is its key")
    if whole and name != "customers":
        lines.append("    customer: [sharedSetCode, customerCode]")
    lines += ["    fields:", *(f"      {field}: {column}" for field, column in fields.items())]
    if modified:
        lines.append(f"    last_modified: {modified}")
    used = {*fields.values(), modified}
    return lines + [
        f"    # other column: {one.name} ({_shown(one.label)}, {_shown(one.type)})"
        for one in columns.values()
        if one.name not in used
    ]


def _bare(column: str) -> str:
    return column.rpartition(".")[2].replace("_", "").lower()


def _shown(text: str) -> str:
    """On one line: a label could otherwise break out of its comment."""
    return " ".join(text.split())[:60]
