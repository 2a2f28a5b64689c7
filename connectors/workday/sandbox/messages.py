"""Faults, and answers in another encoding than UTF-8."""

from __future__ import annotations

from lxml import etree
from starlette.responses import Response

from connectors.workday.sandbox.elements import SOAP, WD, add


def fault(code: str, text: str, kind: str = "", path: str = "") -> Response:
    """A SOAP 1.1 fault, HTTP 500 whatever the reason."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"SOAP-ENV": SOAP})
    element = etree.SubElement(etree.SubElement(root, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault", nsmap={"wd": WD})
    etree.SubElement(element, "faultcode").text = f"SOAP-ENV:{code}"
    etree.SubElement(element, "faultstring").text = text
    if kind:
        about = add(etree.SubElement(element, "detail"), kind)
        if kind == "Validation_Fault":
            about = add(about, "Validation_Error")
            add(about, "Message", text)
        add(about, "Detail_Message", text)
        if path:
            add(about, "Xpath", path)
    return Response(etree.tostring(root, encoding="UTF-8", xml_declaration=True), 500, media_type="text/xml")


def latin_1(root: etree._Element, declared: str) -> Response:
    """``declared``: where it says so, ``in the XML``, ``in the header`` or nowhere."""
    if declared == "in the XML":
        return Response(etree.tostring(root, encoding="ISO-8859-1", xml_declaration=True), media_type="text/xml")
    kind = "text/xml; charset=ISO-8859-1" if declared == "in the header" else "text/xml"
    content = etree.tostring(root, encoding="unicode").encode("latin-1")
    return Response(content, headers={"content-type": kind})
