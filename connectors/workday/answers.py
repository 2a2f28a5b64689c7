"""Reading Workday's SOAP answers: a page of records as a stream, and faults.

An answer with a document type declaration is refused before any of it is read, so entities are neither expanded nor
fetched. https://docs.python.org/3/library/xml.html#xml-vulnerabilities
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO

from lxml import etree

from connectors.workday.elements import text
from connectors.workday.envelope import SOAP, WD
from connectors.workday.operations import Operation
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.records import Body

_DOCTYPE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
"""Where XML allows it: behind nothing but white space, instructions and comments."""
_LONGEST_FAULT = 1024 * 1024
_FAULT = f"{{{SOAP}}}Fault"
_RESULTS = f"{{{WD}}}Response_Results"
_DATA = f"{{{WD}}}Response_Data"
_NUMBERS = ("Total_Pages", "Total_Results", "Page_Results")


@dataclass(slots=True, frozen=True)
class Fault:
    """``code`` is the last part of the faultcode, ``kind`` the element of the detail (Validation_Fault), if any.

    ``paths`` are the places in our request that Workday points at.
    """

    code: str
    kind: str
    message: str = field(repr=False)
    paths: tuple[str, ...] = ()


@dataclass(slots=True)
class Answer:
    """One page of ``count`` records, less those that are passed by; in all there are ``total``, on ``pages`` pages."""

    rows: list[Body] = field(repr=False)
    count: int
    pages: int
    total: int


def read_page(operation: Operation, body: bytes, charset: str | None) -> Answer:
    """The records of an answer, in its order. ``charset`` is that of the HTTP header, used if the XML names none.

    `AbortRun` if it declares a document type, `RetryLater` if it is no SOAP message, is cut off, or holds fewer
    records than it says.
    """
    _refuse_doctype(body)
    record = f"{{{WD}}}{operation.record}"
    rows: list[Body] = []
    count = 0
    said: tuple[int, int, int] | None = None
    encoding = None if body.lstrip()[:5] == b"<?xml" else charset
    try:
        parser = etree.iterparse(
            BytesIO(body), tag=(record, _RESULTS), resolve_entities=False, no_network=True, load_dtd=False,
            encoding=encoding,
        )  # fmt: skip
        for _, element in parser:
            parent = element.getparent()
            if element.tag == _RESULTS:
                pages, total, here = (int(text(element, name) or 0) for name in _NUMBERS)
                said = (pages, total, here)
            elif parent is not None and parent.tag == _DATA:
                count += 1
                if (row := operation.pick(element)) is not None:
                    rows.append(row)
                parent.remove(element)  # what has been read makes room
    except (etree.XMLSyntaxError, LookupError, ValueError):
        said = None  # raised below, so that the parser's error, which quotes the answer, does not travel along
    if said is None:
        raise RetryLater("answered with something that is not a whole SOAP message of this operation")
    pages, total, here = said
    if count != here:
        raise RetryLater(f"answered with {count} records where it says {here}")
    return Answer(rows, count, pages, total)


def read_fault(body: bytes) -> Fault | None:
    """The fault of an answer; None if it has none that can be read."""
    if len(body) > _LONGEST_FAULT or _DOCTYPE.match(body):
        return None
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except (etree.XMLSyntaxError, ValueError):
        return None
    fault = next(root.iter(_FAULT), None)
    if fault is None:
        return None
    detail = fault.find("detail")
    first = detail[0] if detail is not None and len(detail) else None
    return Fault(
        code=re.split(r"[.:]", fault.findtext("faultcode") or "")[-1],
        kind=str(etree.QName(first).localname) if first is not None else "",
        message=" ".join([fault.findtext("faultstring") or "", *_details(first)]),
        paths=tuple(text for one in fault.iter(f"{{{WD}}}Xpath") if (text := one.text)),
    )


def _details(detail: etree._Element | None) -> list[str]:
    return [one.text or "" for one in detail.iter(f"{{{WD}}}Detail_Message")] if detail is not None else []


def _refuse_doctype(body: bytes) -> None:
    # UTF-16 would hide it from a search of bytes, and Workday answers in UTF-8.
    if _DOCTYPE.match(body) or body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:4]:
        raise AbortRun(
            "the answer declares a document type or is not UTF-8: that is not Workday, check what stands between it "
            "and us. Nothing of the answer was read"
        )
