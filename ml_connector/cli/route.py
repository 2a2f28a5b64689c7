"""``route test`` and ``message preview``: where a record would go, why, and what it would look like there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ml_connector.cli import console
from ml_connector.core import jsonx
from tasks.one_record import in_channels
from tasks.workspace import open_workspace


async def test(tenant: str, stream: str, key: str) -> None:
    """Read the record, ask the rules, and list what they say of each channel. Nothing is sent."""
    async with open_workspace(tenant) as workspace:
        _, channels = await in_channels(workspace, stream, key)
    listed = console.table("channel", "rule", "", "why not")
    for one in channels:
        for rule, why_not in one.rules:
            sign = "[green]holds[/]" if why_not is None else "[dim]does not hold[/]"
            listed.add_row(console.cell(one.channel), console.cell(rule.name), sign, console.cell(why_not))
    console.out.print(listed)
    told = [one.channel for one in channels if any(why_not is None for _, why_not in one.rules)]
    events = " and ".join(dict.fromkeys(event for one in channels for event in one.events))
    where = f"is told in {', '.join(told)}" if told else "is told nowhere"
    console.out.print(f"It is {events}, and {where}.", highlight=False)


async def preview(tenant: str, stream: str, key: str, file: Path | None) -> None:
    """Show the message about a record, whether or not a rule wants it; as it is sent it goes to ``file``."""
    async with open_workspace(tenant) as workspace:
        messenger, channels = await in_channels(workspace, stream, key)
    text, sent = messenger.shown(channels[0].payload)
    console.out.print(text, markup=False, highlight=False, soft_wrap=True)
    if file is not None:
        await asyncio.to_thread(file.write_bytes, jsonx.dumps(sent) + b"\n")
