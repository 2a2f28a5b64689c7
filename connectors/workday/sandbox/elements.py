"""Elements of Workday's answers: values, and references with their ids."""

from __future__ import annotations

from typing import Any

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WD = "urn:com.workday/bsvc"


def add(parent: etree._Element, name: str, value: Any = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{WD}}}{name}")
    for key, held in attributes.items():
        element.set(f"{{{WD}}}{key}", held)
    if value is not None:
        element.text = str(value)
    return element


def refer(parent: etree._Element, name: str, shown: str, wid: str, **ids: str) -> None:
    """``ids``: type to id; hyphens of a type are written as two underscores."""
    reference = add(parent, name, Descriptor=shown)
    add(reference, "ID", wid, type="WID")
    for kind, value in ids.items():
        add(reference, "ID", value, type=kind.replace("__", "-"))


def without_descriptors(root: etree._Element) -> None:
    for element in root.iter():
        if str(element.tag).endswith("_Reference"):
            element.attrib.pop(f"{{{WD}}}Descriptor", "")
