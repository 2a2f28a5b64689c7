"""Bodies go through JSON and back without a digit lost, whatever a vendor sends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ml_connector.core import jsonx


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        (b'{"amount": 70368744177664.30}', b'{"amount":"70368744177664.30"}'),
        (b'{"id": 300000000000000123}', b'{"id":300000000000000123}'),
        (b'{"number": 123456789012345678901234567890}', b'{"number":123456789012345678901234567890}'),
        (
            b'{"name": "cut off \\ud83d", "list": ["\\ude00", 1, null, true]}',
            b'{"list":["?",1,null,true],"name":"cut off ?"}',
        ),
        (b'{"b": 1, "a": "\\u0000\\ud83d\\ude00"}', '{"a":"\\u0000😀","b":1}'.encode()),
    ],
)
def test_every_json_text_can_be_stored(sent: bytes, written: bytes) -> None:
    assert jsonx.dumps(jsonx.loads(sent)) == written
    assert jsonx.loads(written) == jsonx.loads(jsonx.dumps(jsonx.loads(sent)))


def test_a_decimal_is_written_as_its_digits_also_beside_what_is_odd() -> None:
    body: dict[str, Any] = {"amount": Decimal("1E+3"), "exact": Decimal("0.10"), "name": "\ud83d", "number": -(2**64)}

    assert jsonx.dumps(body) == b'{"amount":1000,"exact":0.10,"name":"?","number":-18446744073709551616}'


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        jsonx.dumps({"value": {1, 2}})
