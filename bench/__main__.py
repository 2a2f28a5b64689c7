"""``python -m bench``: what the flow costs, next to a loop without ledger and audit, against the same sandbox.

Believe the ratios and the CPU times, taken in one run; records a second are those of this machine at this moment.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.laboratory import laboratory
from bench.report import report

OUT = Path(".ml-connector/bench.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="medians are shown")
    parser.add_argument("--prefect", action="store_true", help="also as a flow run of a Prefect server")
    asked = parser.parse_args()
    contestants = ["bare", "flow", *(["prefect"] if asked.prefect else [])]
    found = []
    with laboratory(prefect=asked.prefect) as here:
        for customers in asked.customers:
            for n in range(asked.rounds):
                for contestant in contestants:
                    figures = here.measure(contestant, customers)
                    print(f"round {n + 1}: {contestant}, {customers} customers, {figures['seconds']:.1f} s", flush=True)
                    found.append(figures)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2))
    print(report(found))


if __name__ == "__main__":
    main()
