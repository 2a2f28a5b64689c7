"""What callers see of an answer: exact numbers, refusals in the connector's words, and nothing of a broken one."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from ml_connector.core.errors import AbortRun, RejectRecord, RetryLater
from tests.core.calling import connected, policy
from tests.core.wire import answer, reset


async def test_an_answer_keeps_exact_numbers_request_id_and_the_servers_clock() -> None:
    good = answer(body=b'{"amount": 10.10}', headers={"X-Request-Id": "r-1", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"})
    async with connected(good) as (server, http):
        response = await http.request("GET", "/things?fixed=1", params={"q": "a b+c;d&e=%'"}, headers={"REST": "4"})

    assert response.json() == {"amount": "10.10"}
    assert response.request_id == "r-1"
    assert response.server_time == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert server.requests[0].target == "/things?fixed=1&q=a+b%2Bc%3Bd%26e%3D%25'"
    assert server.requests[0].headers["rest"] == "4"
    assert b"10.10" not in repr(response).encode()


async def test_a_refused_call_is_explained_by_the_connector() -> None:
    async with connected(answer(422, b'{"error": "x"}', headers={"X-Request-Id": "r-2"})) as (server, http):
        with pytest.raises(RejectRecord, match="422 refused") as caught:
            await http.request("POST", "/organizations", json={}, record_key="7")

    assert len(server.requests) == 1
    error = caught.value
    assert (error.vendor, error.phase, error.record_key, error.request_id) == (
        "acme",
        "POST /organizations",
        "7",
        "r-2",
    )


async def test_accepted_statuses_are_returned_whatever_they_are() -> None:
    fault = answer(500, b"<Fault/>", kind="text/xml")
    async with connected(fault) as (_, http):
        response = await http.request(
            "POST", "/soap", content=b"<x/>", headers={"Accept": "text/xml"}, accept=(200, 500)
        )

    assert response.body == b"<Fault/>"


async def test_what_was_not_asked_for_as_json_is_not_read_as_json() -> None:
    async with connected(answer(body=b'{"iban": "DE99')) as (_, http):
        response = await http.request("GET", "/file", headers={"Accept": "*/*"})
    assert response.body == b'{"iban": "DE99'
    with pytest.raises(RetryLater, match="cut off") as caught:
        response.json()
    assert caught.value.__context__ is None, "the decoding error holds the body"


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_that_is_too_large_stops_the_run(packed: bool) -> None:
    body = b" " * 3_000_000
    step = answer(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}) if packed else answer(body=body)
    async with connected(step, policy=policy(max_body=1_000_000)) as (server, http):
        with pytest.raises(AbortRun, match="larger than 976 KiB"):
            await http.request("GET", "/x")

    assert len(server.requests) == 1


async def test_errors_carry_no_body_and_no_query() -> None:
    for fault in (answer(body=b'{"iban": "DE99'), answer(503, b"DE99"), reset):
        async with connected(fault) as (_, http):
            with pytest.raises(RetryLater) as caught:
                await http.request("GET", "/x?query=DE99")
        assert "DE99" not in str(caught.value)
        assert caught.value.__context__ is None
