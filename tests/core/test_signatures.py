"""What a vendor has signed a moment ago, in its own spelling, is accepted and nothing else; no verifier stumbles."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_connector.core.errors import RejectEvent
from ml_connector.core.secret import Secret
from ml_connector.core.signatures import (
    Verifier,
    asana_signature,
    slack_signature,
    verify_asana,
    verify_slack,
    verify_zendesk,
    zendesk_signature,
)
from tests.receiver import signing

NOW = 1_795_000_000.0
MUTATIONS = 100_000
HeaderList = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Scheme:
    verify: Verifier
    sign: Callable[[str, float, bytes], HeaderList]
    """Written anew here, so that a fault of the verifier is not its tests' as well."""


SCHEMES = {
    "zendesk": Scheme(verify_zendesk, signing.zendesk),
    "slack": Scheme(verify_slack, signing.slack),
    "asana": Scheme(verify_asana, signing.asana),
}
OLD, NEW = "dGhpc19zZWNyZXQ=", "8f742231b10e8888abcd99yyyzzz85a5"
SECRETS = [Secret(OLD), Secret(NEW)]


def accepted(verify: Verifier, headers: HeaderList, body: bytes, now: float = NOW) -> bool:
    try:
        verify(headers, body, SECRETS, now)
    except RejectEvent:
        return False
    return True


@pytest.mark.parametrize("name", SCHEMES)
def test_valid_deliveries_of_either_secret_are_accepted(name: str) -> None:
    scheme, dice = SCHEMES[name], random.Random(1)
    for n in range(5_000):
        body = dice.randbytes(dice.randint(0, 400))
        headers = [(b"content-type", b"x"), *scheme.sign((OLD, NEW)[n % 2], NOW + dice.uniform(-299, 299), body)]
        dice.shuffle(headers)

        assert accepted(scheme.verify, headers, body)


@pytest.mark.parametrize("name", SCHEMES)
def test_no_mutation_is_accepted_or_raises_anything_else(name: str) -> None:
    scheme, dice = SCHEMES[name], random.Random(2)
    bodies = [b"", b'{"events":[]}', b'{"ticket_id":"1"}', "{'umläut':1}".encode("latin-1"), dice.randbytes(300)]
    tried = 0
    while tried < MUTATIONS:
        body = dice.choice(bodies)
        headers = scheme.sign(dice.choice((OLD, NEW)), NOW, body)
        mutated, changed = mutate(dice, scheme, headers, body)
        if sorted(mutated) == sorted(headers) and changed == body:
            continue
        tried += 1

        assert not accepted(scheme.verify, mutated, changed), (mutated, changed)


def mutate(dice: random.Random, scheme: Scheme, headers: HeaderList, body: bytes) -> tuple[HeaderList, bytes]:
    """One damage, or one forgery, to a valid delivery."""
    which = dice.randrange(len(headers))
    name, value = headers[which]
    others = headers[:which] + headers[which + 1 :]
    match dice.randrange(12):
        case 0:
            return headers, damaged(dice, body)
        case 1:
            return [*others, (name, damaged(dice, value))], body
        case 2:
            return others, body  # without one header
        case 3:
            return [*headers, (name, dice.choice((value, damaged(dice, value))))], body  # one header twice
        case 4:
            return scheme.sign(dice.choice(("", "another", OLD + "\n", OLD[:-1], NEW.upper())), NOW, body), body
        case 5:
            return [*others, (name, respelled(dice, value))], body
        case 6:  # another algorithm, or its name
            return [*others, (name, dice.choice((b"none", b"", b"v0=", b"sha1=" + value, b"v1" + value[2:])))], body
        case 7:  # a byte moves over the border between time and body
            if len(headers) == 1 or not body:
                return headers, body + b" "
            moved = [(n, v + body[:1] if b"timestamp" in n else v) for n, v in headers]
            return moved, body[1:]
        case 8:
            return [*others, (name, dice.randbytes(dice.randint(0, 60)))], body
        case 9:
            return headers, dice.choice((body + b"\0", body + b"\n", body * 2 or b"x", body[::-1] + b"x"))
        case 10:  # signed by us, but stale, or of the future; Asana signs no time
            stale = NOW + dice.choice((-1, 1)) * dice.uniform(301, 1e7)
            return scheme.sign(OLD if len(headers) > 1 else "another", stale, body), body
        case _:  # the signature of another delivery
            return scheme.sign(OLD, NOW, body + b"?"), body


def damaged(dice: random.Random, value: bytes) -> bytes:
    """``value`` with a bit turned over, a byte put in, left out or doubled, cut short, or of another case."""
    if not value:
        return b"\0"
    at = dice.randrange(len(value))
    return dice.choice(
        (
            value[:at] + bytes([value[at] ^ 1 << dice.randrange(8)]) + value[at + 1 :],
            value[:at] + dice.randbytes(1) + value[at:],
            value[:at] + value[at + 1 :],
            value[:at],
            value[:at] + value[at:] * 2,
            value.swapcase(),
        )
    )


def respelled(dice: random.Random, value: bytes) -> bytes:
    """What a lenient parser would read as the same: spaces, padding, other digits, other forms of a number."""
    return dice.choice(
        (
            b" " + value,
            value + b" ",
            value + b"\n",
            value + b"=",
            value.rstrip(b"=") if b"=" in value[-2:] else value + b"\0",
            b"+" + value,
            b"0" + value,
            value + b".0",
            value.replace(b"1", b"\xef\xbc\x91"),  # a full-width one
            value.replace(b"Z", b"+00:00") if value.endswith(b"Z") else value + b"Z",
            value.replace(b"T", b" ") if value.endswith(b"Z") else b"_".join((value[:1], value[1:])),
            value.replace(b"/", b"_").replace(b"+", b"-"),
            value.upper(),
        )
    )


def test_times_that_are_none_are_refused_though_they_are_signed() -> None:
    for stamp in (b"1234", b"2026-02-31T00:00:00Z", b"0000-01-01T00:00:00Z", b"2026-11-21T09:00:60Z", b"", b"now"):
        signature = zendesk_signature(SECRETS[0], stamp, b"{}")
        headers = [
            (b"x-zendesk-webhook-signature", signature),
            (b"x-zendesk-webhook-signature-timestamp", stamp),
        ]
        assert not accepted(verify_zendesk, headers, b"{}")
    for stamp in (b"0", b"01795000000", b"1e9", b"999999999999", b"1795000000.0", b"-1795000000"):
        signed = [(b"x-slack-request-timestamp", stamp)]
        signed.append((b"x-slack-signature", slack_signature(SECRETS[0], stamp, b"")))
        assert not accepted(verify_slack, signed, b"")


@pytest.mark.parametrize("name", ["zendesk", "slack"])
@pytest.mark.parametrize(("age", "good"), [(299, True), (-299, True), (302, False), (-302, False)])
def test_a_valid_signature_is_good_for_five_minutes(name: str, age: float, good: bool) -> None:
    scheme = SCHEMES[name]

    assert accepted(scheme.verify, scheme.sign(OLD, NOW - age, b"{}"), b"{}") is good


def test_without_a_secret_nothing_is_accepted() -> None:
    for scheme in SCHEMES.values():
        with pytest.raises(RejectEvent):
            scheme.verify(scheme.sign("", NOW, b"{}"), b"{}", [], NOW)


def test_vectors_of_zendesk(specs: Path) -> None:
    vectors = json.loads((specs / "zendesk/webhook-vectors/vectors.json").read_text())
    assert len(vectors) == 3
    for vector in vectors:
        body = base64.b64decode(vector["body_base64"])
        made = zendesk_signature(Secret(vector["secret"]), vector["timestamp"].encode(), body)
        assert made.decode() == vector["signature"], vector["name"]


def test_vectors_of_slack_and_asana(specs: Path) -> None:
    vectors = json.loads((specs / "slack/test_vectors.json").read_text())
    slack = [vectors["slack_official"], *vectors["slack_derived"]]
    for vector in slack:
        made = slack_signature(Secret(vector["signing_secret"]), vector["timestamp"].encode(), vector["body"].encode())
        assert made.decode() == vector["signature"]
    for vector in vectors["asana_derived"]:
        made = asana_signature(Secret(vector["secret"]), vector["body"].encode())
        assert made.decode() == vector["X-Hook-Signature"]
