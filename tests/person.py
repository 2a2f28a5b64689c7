"""A person who connects an account: a browser, as far as it matters."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx


@dataclass(slots=True, frozen=True)
class Page:
    status: int
    text: str
    headers: httpx.Headers


def load(address: str, method: str = "GET") -> Page:
    answer = httpx.request(method, address, follow_redirects=False, timeout=30)
    return Page(answer.status_code, answer.text, answer.headers)


def consent(address: str) -> str:
    """Agree (or refuse, if the sandbox is set so) on the vendor's page: the address that it sends the browser to."""
    page = load(address)
    assert page.status == 302, page.text
    return page.headers["location"]


def changed(address: str, **parameters: str | None) -> str:
    """The address with other parameters; None takes one out."""
    query = dict(parse_qsl(urlsplit(address).query)) | parameters
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{address.partition('?')[0]}?{urlencode(kept)}"


def parameter(address: str, name: str) -> str:
    return dict(parse_qsl(urlsplit(address).query))[name]
