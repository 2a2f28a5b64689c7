"""How a supplier is reached: e-mail, phone, web and postal address, the primary ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from connectors.workday.elements import attribute, distinct, every, identifier, text
from ml_connector.core.records import Body


def contact(contact: etree._Element | None) -> Body:
    """The fields of a supplier that its ``Contact_Data`` tells."""
    emails = distinct(_primary_first(contact, "Email_Address_Data", _email))
    phones = distinct(_primary_first(contact, "Phone_Data", _phone))
    webs = distinct(_primary_first(contact, "Web_Address_Data", lambda one: text(one, "Web_Address")))
    return {
        "Email_Address": emails[0] if emails else None,
        "Email_Addresses": emails,
        "Phone": phones[0] if phones else None,
        "Phones": phones,
        "Web_Address": webs[0] if webs else None,
        **_address(contact),
    }


def _email(element: etree._Element) -> str | None:
    return text(element, "Email_Address")


def _phone(element: etree._Element) -> str | None:
    """Version 40 brought the E.164 form."""
    return attribute(element, "E164_Formatted_Phone") or attribute(element, "Formatted_Phone")


def _address(contact: etree._Element | None) -> Body:
    """The address that is in force: the newest of the primary ones."""
    addresses = list(every(contact, "Address_Data"))
    newest = max(addresses, key=lambda one: (_is_primary(one), attribute(one, "Effective_Date") or ""), default=None)
    shown = attribute(newest, "Formatted_Address") if newest is not None else None
    lines = [line for line in every(newest, "Address_Line_Data") if attribute(line, "Type") == "ADDRESS_LINE_1"]
    return {
        # Workday writes line breaks as the five characters of a reference.
        "Formatted_Address": shown.replace("&#xa;", "\n") if shown else None,
        "Address_Line_1": ((lines[0].text or "").strip() or None) if lines else None,
        "Municipality": text(newest, "Municipality"),
        "Country_Region": text(newest, "Country_Region_Descriptor"),
        "Postal_Code": text(newest, "Postal_Code"),
        "Country": identifier(newest, "Country_Reference", "ISO_3166-1_Alpha-2_Code"),
    }


def _primary_first(
    contact: etree._Element | None, kind: str, read: Callable[[etree._Element], str | None]
) -> Iterator[str]:
    for one in sorted(every(contact, kind), key=lambda element: not _is_primary(element)):
        if value := read(one):
            yield value


def _is_primary(element: etree._Element) -> bool:
    return any(attribute(one, "Primary") in ("1", "true") for one in every(element, "Usage_Data/Type_Data"))
