"""What Slack takes as a message, as strictly as its documents and its users' measurements say.

https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from connectors.slack.sandbox.http import Refused, Row

MOST_BLOCKS = 50
MOST_TEXT = 10_000
"""Characters in all blocks together; between the 9,597 that were taken and the 11,341 that were refused."""
MOST_BYTES = 16_000
MOST_METADATA = 8_000
_PING = re.compile(r"<(?:!(?:channel|here|everyone)|@[UW]\w+|!subteam\^\w+)[^>]*>")
_EVENT_TYPE = re.compile(r"[a-z0-9_]{1,255}")
Problem = tuple[str, str]
"""What is wrong, and the JSON pointer of the place."""


def require_blocks(blocks: Any) -> None:
    """Raise the error with which Slack refuses these blocks."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise Refused("invalid_blocks_format")
    problems = list(_problems(blocks))
    if problems:
        told = [f"{problem} [json-pointer:{pointer}]" for problem, pointer in problems]
        raise Refused("invalid_blocks", errors=told, response_metadata={"messages": [f"[ERROR] {one}" for one in told]})
    if sum(map(size, texts(blocks))) > MOST_TEXT or len(orjson.dumps(blocks)) > MOST_BYTES:
        raise Refused("msg_blocks_too_long")


def size(text: str) -> int:
    """In UTF-16 units: Slack does not say what it counts, and of these a text has the most."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parts(text: str, longest: int) -> list[str]:
    """The texts of the messages into which Slack splits one that is too long."""
    found = [""]
    for char in text:
        if size(found[-1]) + size(char) > longest:
            found.append("")
        found[-1] += char
    return found


def require_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if not _EVENT_TYPE.fullmatch(str(metadata.get("event_type"))):
        raise Refused("invalid_metadata_schema")
    if len(orjson.dumps(metadata)) > MOST_METADATA:
        raise Refused("metadata_too_large")


def pings(args: Row) -> list[str]:
    """Whom a message would call: what must never come from an ERP."""
    said = [str(args.get("text") or ""), *texts(args.get("blocks") or [], kind="mrkdwn")]
    found = [ping for text in said for ping in _PING.findall(text)]
    if args.get("link_names") in (True, "true", "1") or args.get("parse") == "full":
        found += [word for text in said for word in re.findall(r"@(?:channel|here|everyone)\b", text)]
    return found


def texts(node: Any, kind: str | None = None) -> Iterator[str]:
    """The texts in blocks, of one kind of text object if asked for."""
    if isinstance(node, list):
        for one in node:
            yield from texts(one, kind)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str) and kind in (None, node.get("type")):
            yield node["text"]
        for value in node.values():
            if not isinstance(value, str):
                yield from texts(value, kind)


def _problems(blocks: list[Row]) -> Iterator[Problem]:
    if len(blocks) > MOST_BLOCKS:
        yield f"no more than {MOST_BLOCKS} items allowed", "/blocks"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "duplicate block_id", "/blocks"
    for n, block in enumerate(blocks):
        yield from _block(block, f"/blocks/{n}")


def _block(block: Row, at: str) -> Iterator[Problem]:
    known = _KEYS.get(str(block.get("type")))
    if known is None:
        yield f"unsupported type: {block.get('type')}", f"{at}/type"
        return
    for name in block.keys() - known - {"type", "block_id"}:
        yield f"invalid additional property: {name}", at
    match block["type"]:
        case "header":
            yield from _text(block.get("text"), f"{at}/text", 150, ("plain_text",))
        case "section":
            yield from _section(block, at)
        case "context":
            yield from _several(block.get("elements"), f"{at}/elements", 3000)


def _section(block: Row, at: str) -> Iterator[Problem]:
    if "text" not in block and "fields" not in block:
        yield "missing required field: text or fields", at
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000)
    if "fields" in block:
        yield from _several(block["fields"], f"{at}/fields", 2000)


def _several(found: Any, at: str, longest: int) -> Iterator[Problem]:
    if not isinstance(found, list) or not 1 <= len(found) <= 10:
        yield "must have between 1 and 10 items", at
        return
    for n, one in enumerate(found):
        yield from _text(one, f"{at}/{n}", longest)


def _text(found: Any, at: str, longest: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[Problem]:
    if not isinstance(found, dict) or found.get("type") not in kinds:
        yield f"must be a text object of type {' or '.join(kinds)}", at
        return
    for name in found.keys() - {"type", "text"} - _OF_KIND[found["type"]]:
        yield f"invalid additional property: {name}", at
    text = found.get("text")
    if not isinstance(text, str) or not text.strip():
        yield "must be more than 0 characters", f"{at}/text"
    elif size(text) > longest:
        yield f"must be less than {longest + 1} characters", f"{at}/text"


_KEYS = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "divider": set[str](),
}
_OF_KIND = {"plain_text": {"emoji"}, "mrkdwn": {"verbatim"}}
