"""``python -m bench.events --seconds 120``: from a change of a ticket in Zendesk to the note in Oracle.

One ticket a second comes in; `up` runs everything on this machine. The time of a note is that of the emulated Oracle.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from statistics import quantiles

from tests.e2e.stack import running_stack

CUSTOMERS = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two tickets")
    asked = parser.parse_args()
    with running_stack() as stack:
        tenant, sandbox = stack.tenant("measured", events=True), stack.sandbox
        sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
        assert tenant.start("organizations").wait() == "Completed"
        organizations = [row["id"] for row in sandbox.state("zendesk", "organizations")]
        came: dict[str, float] = {}
        for n in range(int(asked.seconds / asked.every)):
            at = time.time()
            [ticket] = sandbox.mutate(
                "zendesk", "tickets", create={"organization_id": organizations[n % len(organizations)]}
            )
            came[ticket] = at
            time.sleep(max(0.0, at + asked.every - time.time()))
        time.sleep(10)
        ticket_of = {
            str(note["NoteId"]): note["NoteTitle"].partition(" [")[0].rpartition(" ")[2]
            for note in sandbox.state("oracle_fusion", "notes")
        }
        took = [
            datetime.fromisoformat(effect["at"]).timestamp() - came[ticket_of[effect["key"].rpartition("/")[2]]]
            for effect in sandbox.effects("oracle_fusion")
            if effect["kind"] == "note.created"
        ]
    cuts = quantiles(took, n=100)
    print(f"{len(took)} notes of {len(came)} tickets, one every {asked.every:g} s:")
    print(f"p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, most {max(took):.2f} s, the first {took[0]:.2f} s")


if __name__ == "__main__":
    main()
