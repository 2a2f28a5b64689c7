"""The one HTTP client.

Everything that every vendor needs is here once: hosts that may be called, rate limits, credentials that are renewed,
retries that never repeat a write whose outcome is unknown, and answers that are cut off or are no JSON. Errors of the
libraries below do not leave this file: callers see `core.errors` only.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
import httpx

from ml_connector.core import jsonx
from ml_connector.core.errors import AbortRun, ConnectorError, Reauthenticate, RetryLater
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.rate import Limit, Limiter
from ml_connector.core.response import Problem, Response, decode, judge, no_page, parse_date
from ml_connector.core.transport import Lost, Unsent, open_client

__all__ = ["Auth", "HttpClient", "HttpPolicy", "Response", "Retry"]

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs whole URLs, and queries hold record values


class Retry(Enum):
    """When a call may be sent again."""

    ALWAYS = "always"
    """It is idempotent: on everything that may pass."""
    UNLESS_TOO_MUCH = "unless too much"
    """It reads, and the caller can ask for less: on everything that may pass, but for `ConnectorError.too_much`."""
    UNSENT = "unsent"
    """It is a write: only when the vendor has certainly not acted on it (no connection, 429, an expired token)."""


class Auth(Protocol):
    """A credential, as `HttpClient` uses it."""

    @property
    def remedy(self) -> str:
        """What a person can do when the vendor refuses it."""
        ...

    async def headers(self) -> dict[str, str]:
        """The headers that authenticate a request; renews a token that is about to expire."""
        ...

    async def refuse(self, headers: dict[str, str]) -> None:
        """The vendor answered 401 to ``headers``: renew once. `Reauthenticate` when nothing can be done."""
        ...


@dataclass(slots=True, frozen=True)
class HttpPolicy:
    """Times are in seconds, sizes in bytes."""

    tries: int = 5
    try_timeout: float = 100.0
    """For connecting, sending and receiving together."""
    connect_timeout: float = 10.0
    deadline: float = 300.0
    """No try begins later; waiting for a rate limit or for one of our own connections does not count."""
    backoff: float = 0.5
    """The n-th pause is random between 0 and backoff * 2 ** n."""
    longest_pause: float = 120.0
    """A vendor that asks for a longer one is not waited for: `RetryLater` says how long."""
    max_body: int = 32 * 1024 * 1024
    connections: int = 20
    """Requests in flight at once; more wait."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random


@dataclass(slots=True)
class _Call:
    method: str
    url: httpx.URL
    body: bytes | None
    headers: dict[str, str]
    retry: Retry
    accept: Collection[int]
    limits: Sequence[Limit]
    phase: str
    record_key: str | None
    writes: bool


class HttpClient:
    """Calls one origin of one vendor with one credential.

    ``origin`` is scheme, host and an optional path prefix; `Misconfigured` if ``hosts`` refuses it. ``explain`` turns
    an answer that was not accepted, and the phase, into the error to raise. ``guard`` is called right before each
    try of a write leaves, and may raise. ``status`` reads the status that an answer deserves out of it, for
    vendors whose own says something else (errors inside a 200, wrong passwords as a 500). ``try_timeout``: seconds,
    where a vendor needs other ones than ``policy`` has.
    """

    def __init__(
        self,
        *,
        vendor: str,
        origin: str,
        auth: Auth | None,
        hosts: HostPolicy,
        explain: Callable[[Response, str], ConnectorError],
        request_id_headers: Sequence[str] = (),
        limiter: Limiter | None = None,
        guard: Callable[[], None] | None = None,
        policy: HttpPolicy = HttpPolicy(),
        status: Callable[[Response], int] | None = None,
        try_timeout: float | None = None,
    ) -> None:
        if try_timeout is not None:
            policy = replace(policy, try_timeout=try_timeout)
        hosts.check(origin)
        self.auth = auth
        self._vendor = vendor
        self._origin = origin.rstrip("/")
        self._site = httpx.URL(origin)
        self._status = status
        self._explain = explain
        self._request_id_headers = [name.lower() for name in request_id_headers]
        self._limiter = limiter
        self._guard = guard
        self._policy = policy
        self._client = open_client(
            hosts,
            connections=policy.connections,
            connect_timeout=policy.connect_timeout,
            try_timeout=policy.try_timeout,
        )
        # Ours and not the pool's, so that waiting for a free connection is not mistaken for a slow vendor.
        self._slots = asyncio.Semaphore(policy.connections)
        self._worked: set[tuple[str, ...]] = set()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        retry: Retry | None = None,
        accept: Collection[int] = (200, 201, 204),
        limits: Sequence[Limit] = (),
        record_key: str | None = None,
        reads: bool = False,
    ) -> Response:
        """Send a request and return an answer whose status is in ``accept``.

        ``path`` is relative to the origin, or an absolute URL on the same host (next links). ``retry`` is ALWAYS for
        a read and UNSENT for a write unless given. JSON is asked for unless ``headers`` hold another Accept; if it is,
        `Response.json` of the answer has already succeeded (a write may also be answered with an empty body).
        ``reads``: it changes nothing, although it is no GET (SOAP asks by POST).

        `RetryLater` when tries or deadline are used up, or at once when the outcome of an UNSENT write is unknown;
        `Reauthenticate` when the credential is refused (401, or a redirect to sign in) and cannot be renewed, or its
        successor is refused as well, unless that one has worked; else what ``explain`` makes of the answer.
        """
        sent = {"accept": "application/json"} | {k.lower(): v for k, v in (headers or {}).items()}
        if json is not None:
            content = jsonx.dumps(json)
            sent.setdefault("content-type", "application/json")
        url = self._url(path, params)
        writes = method.upper() != "GET" and not reads
        call = _Call(
            method=method.upper(),
            url=url,
            body=content,
            headers=sent,
            retry=retry or (Retry.UNSENT if writes else Retry.ALWAYS),
            accept=accept,
            limits=limits,
            phase=f"{method.upper()} {url.path}",
            record_key=record_key,
            writes=writes,
        )
        try:
            return await self._run(call)
        except ConnectorError as error:
            error.vendor, error.phase = self._vendor, error.phase or call.phase
            error.record_key = error.record_key or record_key
            raise

    async def _run(self, call: _Call) -> Response:
        """Try until there is an answer to return or an error to raise."""
        until = time.monotonic() + self._policy.deadline
        maybe_applied = renewed = False
        for attempt in itertools.count(1):
            credentials = await self.auth.headers() if self.auth else {}
            ready = time.monotonic()
            async with self._slots:
                if self._limiter is not None and call.limits:
                    await self._limiter.acquire(call.limits)
                until += time.monotonic() - ready
                outcome = await self._try(call, credentials)
            if isinstance(outcome, Response):
                if outcome.status in call.accept:
                    self._worked.add(tuple(credentials.values()))
                    return outcome
                if self.auth is None or not _refuses_credential(outcome):
                    raise self._refusal(outcome, call)
                if renewed:
                    worked = tuple(credentials.values()) in self._worked
                    raise _refused_here(outcome, call) if worked else self._refusal(outcome, call)
                await self.auth.refuse(credentials)
                renewed = True
                if outcome.status != 401 and call.retry is Retry.UNSENT:
                    # A redirect is no promise that nothing was done (303 See Other): the new token is for the probe.
                    raise RetryLater(f"answered {outcome.status}, a redirect", maybe_applied=True)
                continue
            maybe_applied |= call.writes and not outcome.unsent
            pause = self._pause(attempt, outcome)
            if self._is_final(call, outcome, attempt, pause, until):
                error = RetryLater(
                    f"{outcome.reason} (try {attempt})",
                    maybe_applied=maybe_applied,
                    retry_after=outcome.retry_after,
                    request_id=outcome.request_id,
                )
                error.too_much = outcome.too_much
                raise error
            log.info("%s %s: %s; next try in %.1f s", self._vendor, call.phase, outcome.reason, pause)
            await self._policy.sleep(pause)
        raise AssertionError  # count() has no end

    def _is_final(self, call: _Call, problem: Problem, attempt: int, pause: float, until: float) -> bool:
        if call.retry is Retry.UNSENT and not problem.unsent:
            return True
        if call.retry is Retry.UNLESS_TOO_MUCH and problem.too_much:
            return True
        if attempt >= self._policy.tries or pause > self._policy.longest_pause:
            return True
        return time.monotonic() + pause > until

    async def _try(self, call: _Call, credentials: Mapping[str, str]) -> Response | Problem:
        """One request: an answer that settles the call, or a problem that may pass."""
        if self._guard is not None and call.writes:
            self._guard()
        try:
            async with asyncio.timeout(self._policy.try_timeout):
                response = await self._exchange(call, credentials)
        except Unsent as error:
            return Problem(str(error), unsent=True)
        except TimeoutError:
            reason = f"no complete answer within {self._policy.try_timeout:g} s"
            return Problem(reason, unsent=False, too_much=True)
        except (Lost, OSError, httpx.HTTPError, httpx.StreamError, aiohttp.ClientError):
            return Problem("the connection was lost", unsent=False)
        if response.status not in call.accept:
            return judge(response)
        empty_by_right = response.status == 204 or (call.writes and not response.body)
        if response.status >= 300 or empty_by_right:
            return response
        accept = call.headers["accept"]
        if "json" in accept:
            return decode(response)
        return no_page(response) if "xml" in accept else response

    async def _exchange(self, call: _Call, credentials: Mapping[str, str]) -> Response:
        async with self._client.stream(
            call.method, call.url, content=call.body, headers={**call.headers, **credentials}
        ) as answer:
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > self._policy.max_body:
                    limit = self._policy.max_body // 1024
                    large = AbortRun(f"the answer is larger than {limit} KiB: ask for smaller pages")
                    large.too_much = True
                    raise large
        headers = dict(answer.headers.items())
        request_id = next((headers[name] for name in self._request_id_headers if name in headers), None)
        response = Response(answer.status_code, headers, bytes(body), request_id, parse_date(headers.get("date", "")))
        if self._status is None or (deserved := self._status(response)) == response.status:
            return response
        return replace(response, status=deserved)

    def _pause(self, attempt: int, problem: Problem) -> float:
        """Full jitter, on top of what the vendor asks for: its waiting clients must not come back all at once."""
        return (problem.retry_after or 0.0) + self._policy.random() * self._policy.backoff * 2.0**attempt

    def _refusal(self, response: Response, call: _Call) -> ConnectorError:
        redirected = response.status < 400
        if not redirected and (self.auth is None or response.status != 401):
            return self._explain(response, call.phase)
        said = "a redirect to another page" if redirected else "401, also to a new token"
        remedy = self.auth.remedy if self.auth else "check the address of the connection"
        return Reauthenticate(f"the credential is refused ({said}): {remedy}", request_id=response.request_id)

    def _url(self, path: str, params: Mapping[str, Any] | None) -> httpx.URL:
        """The URL to call. Of an absolute one only what follows the host is used, so its host is always ours."""
        if params:  # httpx would read and write a list of ids three times over, each comma of it escaped
            path += ("&" if "?" in path else "?") + urlencode(params, safe=",")
        try:
            if path.startswith("/"):
                return httpx.URL(self._origin + path)
            return self._site.copy_with(raw_path=_same_site(httpx.URL(path), self._site).raw_path)
        except httpx.InvalidURL:
            pass
        raise AbortRun("the address of a request is not a valid URL")


def _refused_here(response: Response, call: _Call) -> RetryLater:
    """The new credential is good: it was renewed once more meanwhile, or its user may not do this."""
    return RetryLater(
        f"answered {response.status} to a credential that works for other calls: if it stays so, check its rights",
        maybe_applied=response.status != 401 and call.writes,
        request_id=response.request_id,
    )


def _same_site(url: httpx.URL, base: httpx.URL) -> httpx.URL:
    if (url.scheme, url.raw_host, url.port) != (base.scheme, base.raw_host, base.port) or url.userinfo:
        raise AbortRun("the vendor's answer leads to another host: it is not followed")
    return url


def _refuses_credential(response: Response) -> bool:
    return response.status == 401 or 300 <= response.status < 400
