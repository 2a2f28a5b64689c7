"""``GET /oauth/callback``: where a vendor sends back the person who connects an account.

The address holds a code and a state: neither is logged, shown or handed on. A state is used up before anything else is
looked at, and what a vendor says stands on a page that runs and loads nothing.
"""

from __future__ import annotations

import html
import logging
import re
from dataclasses import replace

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connectors.registry import system
from ml_connector.core.connecting import MINUTES, Callback, accept, exchange, settle
from ml_connector.core.db import Database
from ml_connector.core.errors import ConnectorError, RetryLater, SafeError
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.inbox_writer import DATABASE_ERRORS
from ml_connector.core.vault import Vault
from ml_connector.receiver.limits import Bucket, Limits
from ml_connector.receiver.metrics import Metrics

log = logging.getLogger(__name__)

_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_STATUS = {"connected": 200, "refused": 400, "invalid": 400, "too_many": 429, "vendor_down": 502, "failed": 503}
_NOT_VALID = f"A link works once, and for {MINUTES} minutes. Start again with `ml-connector connect`."
_LONGEST = 300
"""Characters of what a vendor says about its refusal."""


class OAuthCallback:
    """Answers people's browsers. ``allow_private_hosts``: codes may be exchanged at the sandbox."""

    def __init__(
        self, db: Database, vault: Vault, metrics: Metrics, limits: Limits, *, allow_private_hosts: bool
    ) -> None:
        self._db = db
        self._vault = vault
        self._metrics = metrics
        self._allow_private_hosts = allow_private_hosts
        self._bucket = Bucket(replace(limits, events_per_second=limits.callbacks_per_second, burst=limits.callbacks))

    async def __call__(self, request: Request) -> Response:
        """Answer one request; never raises."""
        if request.method != "GET":  # who only looks whether the page is there must not use up a state
            return Response(status_code=405, headers={"allow": "GET"})
        if not self._bucket.take():
            return self._page("too_many", "Too many at once", "Load this page again in a moment.")
        try:
            return await self._answer(request)
        except DATABASE_ERRORS as error:
            log.warning("a callback was not handled: the database does not answer (%s)", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not show a code
            log.error("a callback was not handled: %s", SafeError.of(error))  # noqa: TRY400 - as above
        return self._page("failed", "This does not work now", "Start again later with `ml-connector connect`.")

    async def _answer(self, request: Request) -> Response:
        given = request.query_params
        callback = await accept(self._db, self._vault, given.get("state", ""))
        if callback is None:
            log.info("a callback was refused: its state is unknown, used or too old")
            return self._page("invalid", "This link is not valid any more", _NOT_VALID)
        named = f"{callback.tenant}/{callback.connection}"
        outcome, refusal = await self._connect(callback, given.getlist("code"), _vendors_refusal(given))
        await settle(self._db, callback, refusal=refusal)
        log.info("callback of %s: %s", named, outcome)
        if refusal is None:
            return self._page(outcome, f"{named} is connected", "You can close this window.")
        again = f"Start again with `ml-connector connect {named}`."
        return self._page(outcome, f"{named} is not connected", f"{refusal}.", again)

    async def _connect(self, callback: Callback, codes: list[str], refusal: str | None) -> tuple[str, str | None]:
        """The outcome, and why it is not connected."""
        if refusal is None and len(codes) != 1:
            refusal = "The vendor has sent no code"
        if refusal is not None:
            return "refused", refusal
        vendor = system(callback.system)
        hosts = HostPolicy(vendor.hosts, allow_private=self._allow_private_hosts)
        try:
            await exchange(self._db, self._vault, callback, codes[0], hosts, vendor.oauth_errors)
        except ConnectorError as error:
            log.warning("the code of a callback was not taken: %s", SafeError.of(error))
            return "vendor_down" if isinstance(error, RetryLater) else "refused", error.message
        return "connected", None

    def _page(self, outcome: str, title: str, *paragraphs: str) -> Response:
        self._metrics.callbacks.labels(outcome).inc()
        lines = "".join(f"<p>{_with_code(paragraph)}</p>" for paragraph in paragraphs)
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{html.escape(title)}</title></head><body><h1>{html.escape(title)}</h1>{lines}</body></html>"
        )
        return HTMLResponse(page, _STATUS[outcome], _HEADERS)


def _vendors_refusal(given: QueryParams) -> str | None:
    """What the vendor says instead of a code (RFC 6749, section 4.1.2.1); None if it does not refuse."""
    if "error" not in given:
        return None
    code = given["error"] if re.fullmatch(r"[\w.-]{1,60}", given["error"], re.ASCII) else "error"
    said = "".join(letter for letter in given.get("error_description", "") if letter.isprintable())[:_LONGEST]
    return f"The vendor refuses: {code}" + (f" ({said})" if said else "")


def _with_code(text: str) -> str:
    """Escaped; what stands between backquotes is something to type."""
    return re.sub(r"`([^`<>]+)`", r"<code>\1</code>", html.escape(text))
