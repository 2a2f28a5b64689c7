"""Workday Web Services, answered: who asks, whether they may, and a page of what was asked for; else a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from datetime import date, datetime

from lxml import etree
from starlette.responses import Response

from connectors.workday.sandbox import rendering
from connectors.workday.sandbox.access import Access
from connectors.workday.sandbox.books import Books, Row, updated_between
from connectors.workday.sandbox.elements import SOAP, WD, add, without_descriptors
from connectors.workday.sandbox.grammar import OPERATIONS, Grammar, Invalid, check
from connectors.workday.sandbox.messages import fault, latin_1
from ml_connector.sandbox.world import FaultRule

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_PAYMENT_STATUS = {
    "d9e43940446c11de98360015c5e6daf6": "Unpaid",
    "d9e43706446c11de98360015c5e6daf6": "Partially Paid",
    "d9e4362a446c11de98360015c5e6daf6": "Paid",
}
_DOCUMENT_STATUS = {wid: name for name, wid in rendering.DOCUMENT_STATUS.items()}
_RENDER: dict[str, Callable[[etree._Element, Row], None]] = {
    "suppliers": rendering.supplier,
    "supplier_invoices": rendering.supplier_invoice,
    "purchase_orders": rendering.purchase_order,
    "payments": rendering.payment,
    "payment_terms": rendering.payment_terms,
}
_MOST = 999
_VERSION = re.compile(r"v(40\.[12]|4[1-6]\.[0-2]|47\.0)")
"""Workday lists them from v40.1 to v47.0, that of September 2026:
https://community.workday.com/sites/default/files/file-hosting/productionapi/index.html"""


def answer(
    body: bytes,
    service: str,
    version: str,
    bearer: str,
    books: Books,
    access: Access,
    odd: Callable[[str], FaultRule | None],
) -> Response:
    """``odd`` says whether a fault of this name is armed for the request."""
    if odd("throttle"):
        return fault("Server", "Too many requests. Please try again later.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return fault("Client.validationError", "Validation error occurred. The message is not well-formed.")
    if b"<!DOCTYPE" in body:
        return fault("Client", "Processing error occurred. DTD is not supported.", "Processing_Fault")
    if not (access.knows(bearer) if bearer else _signed(root, access)):
        return fault("Client.authenticationError", "invalid username or password")
    request = next(iter(root.iterfind(f"{{{SOAP}}}Body/*")), None)
    operation = str(etree.QName(request).localname).removesuffix("_Request") if request is not None else ""
    grammar = OPERATIONS.get(operation)
    if request is None or grammar is None or service not in grammar.services:
        return fault("Client.validationError", "Validation error occurred. Unknown operation.", "Validation_Fault")
    if not all(_VERSION.fullmatch(one) for one in (version, request.get(f"{{{WD}}}version") or version)):
        return fault("Client.validationError", "Validation error occurred. Invalid version.", "Validation_Fault")
    if operation in access.denied:
        text = "The task submitted is not authorized."
        return fault("Client", f"Processing error occurred. {text}", "Processing_Fault")
    try:
        parts = check(request, grammar)
        rows = _found(parts.get("criteria"), grammar, books)
        if "Request_References" in parts:
            rows = _referred(parts["Request_References"], grammar, books)
        page, count = _paging(parts.get("Response_Filter"))
    except Invalid as error:
        path = f"/ns1:{operation}_Request/ns1:{error.path.replace('/', '/ns1:')}"
        return fault("Client.validationError", f"Validation error occurred. {error}", "Validation_Fault", path)
    answered = _page(operation, request, rows, page, count, grammar, odd, described=_described(root))
    if rule := odd("mutate_while_paging"):
        books.stir(grammar.collection, rows[(page - 1) * count :][: int(rule.params["rows"])])
    return answered


def _signed(root: etree._Element, access: Access) -> bool:
    token = root.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    if token is None:
        return False
    return access.is_user(token.findtext(f"{{{WSSE}}}Username") or "", token.findtext(f"{{{WSSE}}}Password") or "")


def _described(root: etree._Element) -> bool:
    """Whether references are asked for with what people call them; they come as ids alone otherwise."""
    header = f"{{{SOAP}}}Header/{{{WD}}}Workday_Common_Header/{{{WD}}}Include_Reference_Descriptors_In_Response"
    return root.findtext(header) in ("true", "1")


def _found(criteria: etree._Element | None, grammar: Grammar, books: Books) -> list[Row]:
    rows = list(books.rows[grammar.collection].values())
    if criteria is None:
        return rows
    given = {str(etree.QName(one).localname): one for one in criteria}
    moments = {name: _moment(given.get(name)) for name in ("Updated_From_Date", "Updated_To_Date")}
    rows = updated_between(rows, moments["Updated_From_Date"], moments["Updated_To_Date"])
    for name, column in (
        ("Invoice_Date_On_or_After", "Invoice_Date"),
        ("Payment_Date_on_Date_Or_After", "Payment_Date"),
    ):
        if (since := _day(given.get(name))) is not None:
            rows = [row for row in rows if row[column] >= since.isoformat()]
    if (status := criteria.findtext(f"{{{WD}}}Supplier_Status_Reference/{{{WD}}}ID")) is not None:
        rows = [row for row in rows if row["Status"] == status]
    if grammar.collection == "supplier_invoices":
        for column, name, known in (
            ("Payment_Status", "Payment_Status_Reference", _PAYMENT_STATUS),
            ("Document_Status", "Invoice_Status_Reference", _DOCUMENT_STATUS),
        ):
            wanted = {known[_wid(one, known)] for one in criteria.findall(f"{{{WD}}}{name}")}
            rows = [row for row in rows if not wanted or row[column] in wanted]
    return rows


def _referred(references: etree._Element, grammar: Grammar, books: Books) -> list[Row]:
    rows = books.rows[grammar.collection]
    return [rows[_wid(reference, rows)] for reference in references]


def _wid(reference: etree._Element, known: Container[str]) -> str:
    wid = reference.findtext(f"{{{WD}}}ID") or ""
    if wid not in known:
        path = f"Request_Criteria/{etree.QName(reference).localname}"
        raise Invalid(f"Invalid ID value.  '{wid}' is not a valid ID value for type = 'WID'", path)
    return wid


def _paging(response_filter: etree._Element | None) -> tuple[int, int]:
    found = {} if response_filter is None else {str(etree.QName(e).localname): e.text or "" for e in response_filter}
    page, count = int(found.get("Page", 1)), int(found.get("Count", 100))
    if not 1 <= count <= _MOST or page < 1:
        raise Invalid("Page or Count is out of range.", "Response_Filter")
    return page, count


def _page(
    operation: str,
    request: etree._Element,
    rows: list[Row],
    page: int,
    count: int,
    grammar: Grammar,
    odd: Callable[[str], FaultRule | None],
    *,
    described: bool,
) -> Response:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"env": SOAP})
    response = etree.SubElement(
        etree.SubElement(root, f"{{{SOAP}}}Body"), f"{{{WD}}}{operation}_Response", nsmap={"wd": WD}
    )
    response.set(f"{{{WD}}}version", request.get(f"{{{WD}}}version") or "")
    cap = odd("cap_page")
    size = min(count, int(cap.params["rows"])) if cap else count
    shown = rows[(page - 1) * size : page * size]
    results = add(response, "Response_Results")
    add(results, "Total_Results", len(rows))
    add(results, "Total_Pages", page if odd("lie_has_more") else -(-len(rows) // count))
    add(results, "Page_Results", len(shown))
    add(results, "Page", page)
    if odd("short_page"):
        shown = shown[:-1]
    if shown:  # no Response_Data where nothing was found
        data = add(response, "Response_Data")
        for row in shown:
            _RENDER[grammar.collection](data, row)
    if not described:
        without_descriptors(root)
    if rule := odd("latin_1"):
        return latin_1(root, str(rule.params.get("declared", "in the XML")))
    content = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    if rule := odd("dtd_answer"):
        declared = rule.params.get("declaration", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')
        content = content.replace(b"?>", b"?>" + str(declared).encode(), 1)
    return Response(content, media_type="text/xml;charset=utf-8")


def _moment(element: etree._Element | None) -> datetime | None:
    return datetime.fromisoformat(element.text or "") if element is not None else None


def _day(element: etree._Element | None) -> date | None:
    return date.fromisoformat(element.text or "") if element is not None else None
