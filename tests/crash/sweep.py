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
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ml_connector.core.embedded import start_embedded
from ml_connector.sandbox.serve import sandbox_process
from tests.crash.harness import Harness, Plan, Tally
from tests.crash.journeys import harness
from tests.crash.naive import Naive

_WRITTEN = (
    "ledger.planned",
    "ledger.claimed",
    "upsert.probed",
    "upsert.sent",
    "ledger.settled",
    "ledger.closed",
    "watermark.moved",
    "run.finished",
)
_TOLD = ("inbox.stored", "inbox.taken", "inbox.settled")
POINTS = {
    "customers": ("fetch.read", *_WRITTEN),
    "qad": ("fetch.read", *_WRITTEN),
    # tickets are written side by side with the next read: which points are died at differs from round to round
    **dict.fromkeys(
        ("qad_tickets", "workday"), ("fetch.read", "ledger.planned", "upsert.sent", "watermark.moved", "run.finished")
    ),
    "messages": ("fetch.read", "ledger.digested", *_WRITTEN),
    "costs": ("fetch.read", *_WRITTEN),
    "tickets": (*_TOLD, *_WRITTEN),
    "completions": (*_TOLD, "oracle.journal.submitted", *_WRITTEN),
}
PARTS = (
    ("customers", ("new",), 3),
    ("customers", ("changed",), 3),
    ("customers", (), 2),
    ("tickets", ("new", "changed"), 2),
    ("qad", ("new", "changed"), 2),
    ("qad_tickets", ("new", "changed"), 2),
    ("workday", ("new", "changed"), 2),
    ("messages", ("new", "changed"), 2),
    ("costs", ("new", "changed"), 2),
    ("completions", ("new", "changed"), 1),
)
"""A worker each: what it tells, whose every crash point it sweeps, and its share of the rounds, which take longer where
events tell of what happens."""
AT_ONCE = 3
Share = tuple[str, Tally, Tally]


def share(folder: str, number: int, rounds: int, seed: int) -> Share:
    """One worker's part: its sweeps, its random rounds, and the naive designs."""
    home = Path(folder)
    server = start_embedded(home / "pg")
    story, swept, _ = PARTS[number]
    with (
        sandbox_process() as url,
        harness(server, url, home / f"tenants{number}", f"crash{number}", story=story) as made,
    ):
        real, naive = Tally(), Tally()
        for name in swept:
            made.sweep(name, real, faults=made.story.faults[:1] if name == "changed" else ())
            if "upsert.probed" in POINTS[story]:
                made.leave_in_doubt(name, real)
        if swept:  # a sweep ends early where a probe happens to find nothing more often than in the round before
            made.once_at_each(swept[-1], [point for point in POINTS[story] if not real.deaths[point]], real)
        made.shuffle(max(0, rounds - real.rounds), seed, real)
        if story == "customers" and swept:
            naive = naive_designs(made, home / f"naive{number}", rounds=3 if rounds < 500 else 20, seed=seed)
        return story, real, naive


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
    parser.add_argument("--stories", nargs="+", choices=POINTS, default=list(POINTS))
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="mlc-"))
    started = time.monotonic()
    server = start_embedded(folder / "pg")
    try:
        chosen = {n: weight for n, (story, _, weight) in enumerate(PARTS) if story in arguments.stories}
        each = {n: -(-arguments.rounds * weight // sum(chosen.values())) for n, weight in chosen.items()}
        with ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool:
            parts = [pool.submit(share, str(folder), n, rounds, seed + n) for n, rounds in each.items()]
            results = [part.result() for part in parts]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return report(results, seed, time.monotonic() - started)


def report(results: list[Share], seed: int, seconds: float) -> int:
    """Print the sums, and say whether they are good."""
    told = dict.fromkeys(story for story, _, _ in results)
    stories = {story: _sum(real for name, real, _ in results if name == story) for story in told}
    naive = _sum(wrong for _, _, wrong in results)
    rounds = sum(real.rounds for real in stories.values())
    print(f"seed {seed}: {rounds} rounds, {seconds:.0f} s, {1000 * seconds / rounds:.0f} ms a round")
    good = "customers" not in told or (naive.lost > 0 and naive.doubled > 0)
    for story, real in stories.items():
        missed = [point for point in POINTS[story] if not real.deaths[point]]
        print(
            f"  {story}: {real.rounds} rounds, {sum(real.deaths.values())} deaths, {real.effects} effects expected: "
            f"{real.lost} lost, {real.doubled} doubled"
        )
        print("    died at: " + ", ".join(f"{name} {n}" for name, n in sorted(real.deaths.items())))
        for plan, verdict in real.bad[:10]:
            print(f"    BAD {plan} -> {verdict}")
        if missed:
            print(f"    never died at: {', '.join(missed)}")
        good = good and not real.lost and not real.doubled and not missed
    print(f"  naive designs in the same harness: {naive.lost} lost, {naive.doubled} doubled in {naive.rounds} rounds")
    print("passed" if good else "FAILED")
    return 0 if good else 1


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for one in tallies:
        total.rounds += one.rounds
        total.effects += one.effects
        total.deaths += one.deaths
        total.lost += one.lost
        total.doubled += one.doubled
        total.bad += one.bad
    return total
