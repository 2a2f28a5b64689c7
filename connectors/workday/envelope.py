"""SOAP 1.1 messages to Workday Web Services, built element by element so that no value can become markup.

Elements and attributes are qualified, and the order of a request's parts is fixed:
https://community.workday.com/sites/default/files/file-hosting/productionapi/Resource_Management/v46.2/Get_Suppliers.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from ml_connector.core.auth import UsernameToken

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WD = "urn:com.workday/bsvc"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"  # noqa: S105

HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "Accept": "text/xml"}


@dataclass(slots=True, frozen=True)
class Reference:
    """One of Workday's objects, named by one of its ids."""

    type: str
    id: str


Value: TypeAlias = "str | Reference | Sequence[Part]"
Part: TypeAlias = tuple[str, Value]
"""An element's name and what stands in it."""


def envelope(request: str, parts: Sequence[Part], *, version: str, user: UsernameToken | None, tenant: str) -> bytes:
    """The message. ``user`` None: the HTTP headers say who asks."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"env": SOAP})
    header = etree.SubElement(root, f"{{{SOAP}}}Header")
    # Without it references come as ids alone, and with them no name of a supplier, a company or payment terms.
    _add(header, ("Workday_Common_Header", (("Include_Reference_Descriptors_In_Response", "true"),)))
    if user is not None:
        _sign(header, user, tenant)
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    element = etree.SubElement(body, f"{{{WD}}}{request}", nsmap={"wd": WD})
    element.set(f"{{{WD}}}version", version)
    for part in parts:
        _add(element, part)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _sign(header: etree._Element, user: UsernameToken, tenant: str) -> None:
    """The user's name ends in @tenant. The password must stand there exactly, without white space around it."""
    security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
    security.set(f"{{{SOAP}}}mustUnderstand", "1")
    token = etree.SubElement(security, f"{{{WSSE}}}UsernameToken")
    name = user.username if "@" in user.username else f"{user.username}@{tenant}"
    etree.SubElement(token, f"{{{WSSE}}}Username").text = name
    password = etree.SubElement(token, f"{{{WSSE}}}Password")
    password.set("Type", PASSWORD_TEXT)
    password.text = user.password.reveal()


def _add(parent: etree._Element, part: Part) -> None:
    name, value = part
    element = etree.SubElement(parent, f"{{{WD}}}{name}")
    if isinstance(value, str):
        element.text = value
    elif isinstance(value, Reference):
        identifier = etree.SubElement(element, f"{{{WD}}}ID")
        identifier.set(f"{{{WD}}}type", value.type)
        identifier.text = value.id
    else:
        for child in value:
            _add(element, child)
