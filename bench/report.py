"""The figures of all rounds as a table of medians."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench.laboratory import Figures

COLUMNS = ("seconds", "client_cpu", "postgres_cpu", "sandbox_cpu", "prefect_server_cpu", "peak_mb", "calls")
TITLES = ("records", "rec/s", "of bare", "client", "postgres", "sandbox", "prefect", "peak MB", "calls/1000")


def report(found: Sequence[Figures]) -> str:
    """One line per contestant and size: its speed, also as a share of the bare loop's, and what CPU time each of the
    processes took, in microseconds a record."""
    sizes = sorted({figures["customers"] for figures in found})
    lines = [" " * 8 + "".join(f"{title:>11}" for title in TITLES)]
    lines += [line for size in sizes for line in _lines(found, size)]
    return "\n".join([*lines, "", *_where(found, sizes[0])])


def _lines(found: Sequence[Figures], size: int) -> Iterator[str]:
    medians = {name: _median(found, name, size) for name in dict.fromkeys(f["contestant"] for f in found)}
    for name, m in medians.items():
        of_bare = f"{medians['bare']['seconds'] / m['seconds']:.2f}" if "bare" in medians else ""
        cpu = [f"{1e6 * m[key] / size:.0f}" for key in COLUMNS[1:5]]
        cells = [size, f"{size / m['seconds']:.0f}", of_bare, *cpu, f"{m['peak_mb']:.0f}"]
        yield f"{name:8}" + "".join(f"{cell:>11}" for cell in [*cells, f"{1000 * m['calls'] / size:.1f}"])


def _median(found: Sequence[Figures], name: str, size: int) -> dict[str, float]:
    rounds = [figures for figures in found if figures["contestant"] == name and figures["customers"] == size]
    return {key: statistics.median(figures.get(key, 0.0) for figures in rounds) for key in COLUMNS}


def _where(found: Sequence[Figures], size: int) -> Iterator[str]:
    """Where the CPU time of our process goes, as shares."""
    for name in ("flow", "prefect"):
        rounds = [figures for figures in found if figures["contestant"] == name and figures["customers"] == size]
        for what in ("steps", "kinds") if rounds else ():
            keys = dict.fromkeys(key for figures in rounds for key in figures[what])
            shares = {key: statistics.mean(figures[what].get(key, 0.0) for figures in rounds) for key in keys}
            yield f"{name}, {what}: " + ", ".join(
                f"{key} {share:.0%}" for key, share in shares.items() if share >= 0.01
            )
