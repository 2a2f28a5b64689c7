"""A credential that is refused, by 401 or by a redirect, is renewed once; then a person is asked for."""

from __future__ import annotations

import asyncio

import pytest

from ml_connector.core.errors import Reauthenticate, RetryLater
from tests.core.calling import Tickets, connected
from tests.core.wire import Request, answer


async def test_401_renews_once_and_sends_the_same_call_again() -> None:
    async with connected(answer(401, b"", kind=""), answer(201), auth=Tickets()) as (server, http):
        await http.request("POST", "/x", json={"a": 1})

    assert [r.headers["authorization"] for r in server.requests] == ["Bearer 1", "Bearer 2"]
    assert [r.body for r in server.requests] == [b'{"a":1}'] * 2


async def test_a_second_401_asks_for_a_person() -> None:
    async with connected(answer(401), auth=Tickets()) as (server, http):
        with pytest.raises(Reauthenticate, match="buy a new ticket"):
            await http.request("GET", "/x")

    assert len(server.requests) == 2


async def test_401_of_a_credential_that_cannot_be_renewed() -> None:
    async with connected(answer(401), auth=Tickets(renewals=0)) as (server, http):
        with pytest.raises(Reauthenticate) as caught:
            await http.request("POST", "/x", json={})

    assert len(server.requests) == 1
    assert (caught.value.vendor, caught.value.phase) == ("acme", "POST /x")


async def test_a_redirect_is_a_refused_credential_and_is_not_followed() -> None:
    to_login = answer(302, b"", kind="", headers={"Location": "/login"})
    async with connected(to_login, answer(), to_login, auth=Tickets()) as (server, http):
        await http.request("GET", "/x")
        with pytest.raises(Reauthenticate, match="redirect"):
            await http.request("GET", "/y")

    assert [r.target for r in server.requests] == ["/x", "/x", "/y", "/y"]


async def test_a_second_401_to_a_new_credential_that_has_worked_meanwhile_asks_for_nobody() -> None:
    """Another process has renewed it once more, or this call is beyond the rights of its user."""
    renewed, worked = asyncio.Event(), asyncio.Event()

    async def serve(request: Request, writer: asyncio.StreamWriter) -> None:
        new = request.headers["authorization"] == "Bearer 2"
        if request.target == "/orders" and new:
            renewed.set()
            await worked.wait()
        accepted = new and request.target != "/orders"
        await answer(200 if accepted else 401)(request, writer)

    auth = Tickets()
    async with connected(serve, auth=auth) as (_, http):
        order = asyncio.create_task(http.request("POST", "/orders", json={}))
        await renewed.wait()
        await http.request("GET", "/x")
        worked.set()
        with pytest.raises(RetryLater, match="works for other calls") as caught:
            await order

    assert not caught.value.maybe_applied
    assert auth.number == 2


async def test_a_redirected_write_is_probed_and_not_repeated() -> None:
    auth = Tickets()
    async with connected(answer(303, b"", kind="", headers={"Location": "/done"}), auth=auth) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("POST", "/x", json={})

    assert caught.value.maybe_applied
    assert (len(server.requests), auth.number) == (1, 2)
