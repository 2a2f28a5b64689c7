"""What the demo shows in the end: what moved, counted at the destination."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass

from ml_connector.cli import console
from ml_connector.cli.demo_qad import CUSTOMER
from ml_connector.core import jsonx
from ml_connector.core.settings import HOME


@dataclass(slots=True)
class Act:
    """One run: what should have happened at the destination, and what did. Seconds from the request to the end."""

    title: str
    flow_run_id: str
    seconds: float
    expected: Counter[str]
    seen: Counter[str]

    @property
    def ok(self) -> bool:
        return self.expected == self.seen


@dataclass(slots=True)
class Summary:
    """All of it; ``seconds`` from the command to here."""

    ui: str
    acts: list[Act]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return all(act.ok for act in self.acts)

    def write(self) -> None:
        """For programs: ``.ml-connector/demo-summary.json``."""
        acts = [
            {
                "title": act.title,
                "flow_run_id": act.flow_run_id,
                "seconds": act.seconds,
                "expected": dict(act.expected),
                "seen": dict(act.seen),
                "ok": act.ok,
            }
            for act in self.acts
        ]
        found = {"ok": self.ok, "seconds": self.seconds, "ui": self.ui, "acts": acts}
        (HOME / "demo-summary.json").write_bytes(jsonx.dumps(found) + b"\n")

    def show(self) -> None:
        """For people."""
        listed = console.table("run", "state changes at the destination", "expected", "seen", "")
        for act in self.acts:
            title = act.title
            for kind in sorted(act.expected | act.seen):
                right = act.expected[kind] == act.seen[kind]
                sign = "[green]ok[/]" if right else "[red]wrong[/]"
                listed.add_row(title, kind, str(act.expected[kind]), str(act.seen[kind]), sign)
                title = ""
        console.out.print(listed)
        for act in self.acts:
            page = f"{self.ui}/runs/flow-run/{act.flow_run_id}"
            console.out.print(f"{act.title}: {act.seconds} s, {page}", highlight=False, soft_wrap=True)
        if not self.ok:
            console.err.print("What arrived is not what should have.", style="red")


def hints(tenant: str, flow: str, flow_run_id: str, ui: str) -> None:
    """What else there is to see while the demo stays up."""
    command = os.path.relpath(sys.argv[0])
    console.out.print(f"\nThe Prefect UI is at {ui}. In another terminal:", highlight=False)
    for words, what in (
        (f"runs {tenant}", "what became of every record that was read"),
        (f"audit {tenant} --since 1h", "what happened to each of them"),
        (f"audit {tenant} --customer {CUSTOMER}", "what happened to a customer of QAD, and to its tickets"),
        (f"retry {flow_run_id}", "replay a run, as the UI's Retry does"),
        (f"preview {tenant} oracle_zendesk", "what a run would write now"),
        (f"run {tenant} {flow} --wait", "run again: what has not changed is not sent"),
        ("doctor", "whether everything is in order"),
    ):
        console.out.print(f"  {command} {words}   [dim]# {what}[/]", highlight=False, soft_wrap=True)
