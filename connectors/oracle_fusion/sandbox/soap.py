"""The customer profile service of Receivables: the only place where Fusion tells a credit limit.

https://docs.oracle.com/en/cloud/saas/financials/25d/oeswf/customerprofile-d16509e7624.html gives the service's
namespace, the operation and the attributes. No document confirms: the nesting ``result/Value``, the text of the faults
(both as seen in answers of a pod), and that no multipart (MTOM) answer comes.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from starlette.responses import Response

from connectors.oracle_fusion.sandbox.resources import Row

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "http://xmlns.oracle.com/apps/financials/receivables/customers/customerProfileService/"
TYPES = f"{SERVICE}types/"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
ERRORS = "http://xmlns.oracle.com/adf/svc/errors/"


def answer(request: bytes, profiles: Mapping[str, Row]) -> Response:
    """``getActiveCustomerProfile`` by AccountNumber. Every refusal is a fault, which is HTTP 500."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(request, parser)
    except etree.XMLSyntaxError:
        return _fault("env:Client", "", "The request is not well-formed XML.")
    body = root.find(f"{{{ENVELOPE}}}Body")
    operation = None if body is None else body.find(f"{{{TYPES}}}getActiveCustomerProfile")
    if operation is None:
        return _fault("env:Client", "", "Unknown method.")
    number = operation.findtext(f"{{{TYPES}}}customerProfile/{{{SERVICE}}}AccountNumber")
    profile = profiles.get(number or "")
    if profile is None:
        text = f"The record for Account Number {number} doesn't exist."
        return _fault("env:Server", "FND:::FND_CMN_RCRD_MSNG", f"<MESSAGE><TEXT>{text}</TEXT></MESSAGE>")
    return _result(profile)


def _result(profile: Row) -> Response:
    envelope, body = _envelope()
    response = etree.SubElement(body, f"{{{TYPES}}}getActiveCustomerProfileResponse", nsmap={"ns0": TYPES})
    result = etree.SubElement(response, f"{{{TYPES}}}result", nsmap={"ns3": SERVICE, "xsi": INSTANCE})
    result.set(f"{{{INSTANCE}}}type", "ns3:CustomerProfileResult")
    value = etree.SubElement(result, f"{{{SERVICE}}}Value")
    for name, held in profile.items():
        element = etree.SubElement(value, f"{{{SERVICE}}}{name}")
        if held is None:
            element.set(f"{{{INSTANCE}}}nil", "true")
        else:
            element.text = str(held)
    return _xml(envelope, 200)


def _fault(code: str, error_code: str, message: str) -> Response:
    envelope, body = _envelope()
    fault = etree.SubElement(body, f"{{{ENVELOPE}}}Fault")
    text = f"JBO-{error_code}: {message}" if error_code else message
    etree.SubElement(fault, "faultcode").text = code
    etree.SubElement(fault, "faultstring").text = text
    if error_code:
        detail = etree.SubElement(fault, "detail")
        error = etree.SubElement(detail, f"{{{ERRORS}}}ServiceErrorMessage", nsmap={"tns": ERRORS})
        etree.SubElement(error, f"{{{ERRORS}}}code").text = error_code
        etree.SubElement(error, f"{{{ERRORS}}}message").text = text
        etree.SubElement(error, f"{{{ERRORS}}}severity").text = "SEVERITY_ERROR"
    return _xml(envelope, 500)


def _envelope() -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"env": ENVELOPE})
    return envelope, etree.SubElement(envelope, f"{{{ENVELOPE}}}Body")


def _xml(envelope: etree._Element, status: int) -> Response:
    content = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    return Response(content, status, media_type="text/xml")
