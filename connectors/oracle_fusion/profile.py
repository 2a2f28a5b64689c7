"""The customer profile service of Receivables: SOAP, because no REST resource tells a credit limit.

https://docs.oracle.com/en/cloud/saas/financials/25d/oeswf/customerprofile-d16509e7624.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

from lxml import etree

from connectors.oracle_fusion.amounts import amount
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.errors import codes_of, is_code
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import ConnectorError, Reauthenticate, RejectRecord, RetryLater
from ml_connector.core.http import Response

PATH = "/fscmService/ReceivablesCustomerProfileService"
OPERATION = "SOAP ReceivablesCustomerProfileService getActiveCustomerProfile"

_SERVICE = "http://xmlns.oracle.com/apps/financials/receivables/customers/customerProfileService/"
_REQUEST = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    f' xmlns:typ="{_SERVICE}types/" xmlns:cus="{_SERVICE}"><soapenv:Body><typ:getActiveCustomerProfile>'
    "<typ:customerProfile><cus:AccountNumber>{}</cus:AccountNumber></typ:customerProfile>"
    "</typ:getActiveCustomerProfile></soapenv:Body></soapenv:Envelope>"
)
# The services may wrap the envelope in a multipart message (MTOM): then it is one part among others.
_ENVELOPE = re.compile(rb"<(?:[\w.-]+:)?Envelope\b.*</(?:[\w.-]+:)?Envelope\s*>", re.DOTALL)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_PROFILE = "FND:::FND_CMN_RCRD_MSNG"


@dataclass(slots=True, frozen=True)
class Profile:
    """What the credit department says about one customer account. The limit is in ``currency``."""

    limit: Decimal | None
    currency: str | None
    hold: bool
    terms: str | None


async def active_profile(client: OracleFusion, account_number: str) -> Profile | None:
    """The active profile of a customer account; None if it has none.

    `RejectRecord` if the service refuses this account, `Reauthenticate` if it refuses us.
    """
    response = await client.http.request(
        "POST",
        PATH,
        content=_REQUEST.format(escape(_NOT_XML.sub("", account_number))).encode(),
        headers={
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{_SERVICE}getActiveCustomerProfile"',
            "Accept": "text/xml, multipart/related",
        },
        reads=True,
        accept=(200, 500),  # a fault is a 500 that no retry will change
        record_key=account_number,
    )
    envelope = _envelope(response)
    fault = _find(envelope, "Fault")
    if fault is not None:
        # Seen in the answer of a pod for an account without a profile: HTTP 500 with this code.
        if _text(fault, "code") == _NO_PROFILE:
            return None
        raise _refusal(fault, response)
    result = _find(envelope, "result")
    value = _find(result, "Value") if result is not None else None
    held = value if value is not None else result
    if held is None:
        return None
    return Profile(
        limit=amount(_text(held, "CreditLimit"), "CreditLimit"),
        currency=_text(held, "CreditCurrencyCode"),
        hold=_text(held, "CreditHold") in ("Y", "true"),
        terms=_text(held, "PaymentTerms"),
    )


def _envelope(response: Response) -> etree._Element:
    found = _ENVELOPE.search(response.body)
    if found is not None:
        try:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            return etree.fromstring(found[0], parser)
        except etree.XMLSyntaxError:
            pass  # raised below, so that the parser's error, which quotes the body, does not travel along
    raise RetryLater(
        f"answered {response.status} with something that is not a SOAP message",
        vendor=SYSTEM,
        phase=OPERATION,
        request_id=response.request_id,
    )


def _refusal(fault: etree._Element, response: Response) -> ConnectorError:
    kind = (_text(fault, "faultcode") or "").rpartition(":")[2]
    if kind in ("FailedAuthentication", "FailedAuthorization", "FailedCheck", "InvalidSecurity"):
        return Reauthenticate(
            f"the customer profile service refuses the credential ({kind}): its user needs a role that may view "
            "customer profiles (README of oracle_fusion, Privileges)",
            vendor=SYSTEM,
            phase=OPERATION,
            request_id=response.request_id,
        )
    code = _text(fault, "code") or ""
    codes = [code] if is_code(code) else codes_of(_text(fault, "faultstring") or "")
    return RejectRecord(
        f"the customer profile service refuses this account ({', '.join(codes) or 'no code'})",
        vendor=SYSTEM,
        phase=OPERATION,
        request_id=response.request_id,
    )


def _find(within: etree._Element, name: str) -> etree._Element | None:
    return next(iter(within.iter(f"{{*}}{name}")), None)


def _text(within: etree._Element, name: str) -> str | None:
    found = _find(within, name)
    text = (found.text or "").strip() if found is not None else ""
    return text or None
