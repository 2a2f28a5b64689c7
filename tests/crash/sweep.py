"""``python -m tests.crash --rounds 200``: kill the journeys at every crash point, then at random ones, and report.

Exits with 1 when the emulator saw anything lost or doubled, when a crash point was never hit, or when the naive
designs were not caught.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ml_connector.core.embedded import start_embedded
from ml_connector.sandbox.serve import sandbox_process
from tests.crash.harness import Harness, Plan, Tally
from tests.crash.journeys import harness
from tests.crash.naive import Naive

POINTS = (
    "fetch.read",
    "ledger.planned",
    "ledger.claimed",
    "upsert.probed",
    "upsert.sent",
    "ledger.settled",
    "ledger.closed",
    "watermark.moved",
    "run.finished",
)
WORKERS = 3


def share(folder: str, number: int, rounds: int, seed: int) -> tuple[Tally, Tally]:
    """One worker's part: its sweep (new or changed), its random rounds, and the naive designs."""
    home = Path(folder)
    server = start_embedded(home / "pg")
    with sandbox_process() as url, harness(server, url, home / f"tenants{number}", f"crash{number}") as made:
        real = Tally()
        made.sweep(("new", "changed")[number % 2], real)
        made.shuffle(max(0, rounds - real.rounds), seed, real)
        return real, naive_designs(made, home / f"naive{number}", rounds=4 if rounds < 500 else 14, seed=seed)


def naive_designs(made: Harness, folder: Path, *, rounds: int, seed: int) -> Tally:
    """The same harness around designs that are known to be wrong."""
    caught = Tally()
    dice = random.Random(seed)
    real = made.journey
    for n in range(rounds):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made.journey = Naive(folder, forgetful=n % 2 == 1)
        plan = Plan("new", [dice.randint(1, 6)])
        caught.add(plan, made.round(plan), 0)
    made.journey = real
    return caught


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="mlc-"))
    started = time.monotonic()
    server = start_embedded(folder / "pg")
    try:
        with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
            parts = [
                pool.submit(share, str(folder), n, -(-arguments.rounds // WORKERS), seed + n) for n in range(WORKERS)
            ]
            results = [part.result() for part in parts]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return report(results, seed, time.monotonic() - started)


def report(results: list[tuple[Tally, Tally]], seed: int, seconds: float) -> int:
    """Print the sum, and say whether it is good."""
    real, naive = Tally(), Tally()
    for total, part in ((real, 0), (naive, 1)):
        for result in results:
            total.rounds += result[part].rounds
            total.effects += result[part].effects
            total.deaths += result[part].deaths
            total.lost += result[part].lost
            total.doubled += result[part].doubled
            total.bad += result[part].bad
    missed = [point for point in POINTS if not real.deaths[point]]
    print(f"seed {seed}: {real.rounds} rounds, {sum(real.deaths.values())} deaths, {real.effects} effects expected")
    print(
        f"  {real.lost} lost, {real.doubled} doubled ({seconds:.0f} s, {1000 * seconds / real.rounds:.0f} ms a round)"
    )
    print("  died at: " + ", ".join(f"{name} {n}" for name, n in sorted(real.deaths.items())))
    print(f"  naive designs in the same harness: {naive.lost} lost, {naive.doubled} doubled in {naive.rounds} rounds")
    for plan, verdict in real.bad[:10]:
        print(f"  BAD {plan} -> {verdict}")
    if missed:
        print(f"  never died at: {', '.join(missed)}")
    good = not real.lost and not real.doubled and not missed and naive.lost > 0 and naive.doubled > 0
    print("passed" if good else "FAILED")
    return 0 if good else 1
