"""Measures business time against other packages: `python tests/benchmarks/bench_schedule.py`.

Contract hours in Europe/Berlin with Berlin's holidays, targets of 4, 6, 8 and 10 hours, spans of
up to 14 days. Packages that are not installed are left out; no figure is asserted here. pandas and
businesstimedelta are not among the project's own: `.venv/bin/pip install pandas businesstimedelta`.
"""

from __future__ import annotations

import importlib.util
import random
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[2]))

from sla_rules.holidays import national_holidays
from sla_rules.schedule import Schedule

CASES, ROUNDS = 20_000, 7
SLOW_ROUNDS = 1
ZONE = "Europe/Berlin"
Case = tuple[datetime, timedelta, datetime]
Question = Callable[[Case], object]


def cases() -> list[Case]:
    """Seeded starts over ten years, a target and an end for each."""
    chance = random.Random(20261123)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    starts = (first + timedelta(seconds=chance.randrange(3650 * 86_400)) for _ in range(CASES))
    return [
        (
            start,
            timedelta(hours=chance.choice((4, 6, 8, 10))),
            start + timedelta(seconds=chance.randrange(14 * 86_400)),
        )
        for start in starts
    ]


def per_second(question: Question, asked: list[Case], rounds: int = ROUNDS) -> float:
    """Answers a second of the processor: the median round, after a hundred cases to warm up."""
    seconds = []
    for case in asked[:100]:
        question(case)
    for _ in range(rounds):
        begun = process_time()
        for case in asked:
            question(case)
        seconds.append(process_time() - begun)
    return len(asked) / statistics.median(seconds)


def ours(closed: list[date]) -> tuple[Question, Question]:
    schedule = Schedule.parse("Mo-Fr 09:00-12:00,14:00-17:00", ZONE, closed)
    return lambda c: schedule.add(c[0], c[1]), lambda c: schedule.elapsed(c[0], c[2])


def workclock(closed: list[date]) -> tuple[Question, Question]:
    import workclock as peer

    schedule = peer.Schedule(
        [
            peer.WorkDay(time(9), time(12)),
            peer.WorkDay(time(14), time(17)),
            peer.Holidays(closed),
        ],
        time_zone=ZONE,
    )
    return lambda c: schedule.add(c[0], c[1]), lambda c: schedule.between(c[0], c[2])


def businesstimedelta(closed: list[date]) -> tuple[Question, Question]:
    import businesstimedelta as peer
    import pytz

    zone = pytz.timezone(ZONE)
    week = [0, 1, 2, 3, 4]
    rules = peer.Rules(
        [
            peer.WorkDayRule(time(9), time(12), week, tz=zone),
            peer.WorkDayRule(time(14), time(17), week, tz=zone),
            peer.HolidayRule(dict.fromkeys(closed, "closed"), tz=zone),
        ]
    )
    return (
        lambda c: c[0] + peer.BusinessTimeDelta(rules, timedelta=c[1]),
        lambda c: rules.difference(c[0], c[2]).timedelta,
    )


def opening_hours(closed: list[date]) -> tuple[Question, Question]:
    """It has no arithmetic of its own: its intervals are walked."""
    del closed  # it knows the holidays of a country, not those of a state
    import opening_hours as peer

    zone = ZoneInfo(ZONE)
    hours = peer.OpeningHours(
        "Mo-Fr 09:00-12:00,14:00-17:00; PH off", timezone=zone, country="DE", auto_timezone=False
    )

    def add(case: Case) -> datetime:
        left = case[1]
        for opened, closed, state, *_ in hours.intervals(case[0].astimezone(zone)):
            if str(state) == "open":
                begin, end = opened.astimezone(UTC), closed.astimezone(UTC)
                if left <= end - begin:
                    return begin + left
                left -= end - begin
        raise AssertionError("the hours end")

    def elapsed(case: Case) -> timedelta:
        start, end = case[0].astimezone(zone), case[2].astimezone(zone)
        return sum(
            (
                closed.astimezone(UTC) - opened.astimezone(UTC)
                for opened, closed, state, *_ in hours.intervals(start, end)
                if str(state) == "open"
            ),
            timedelta(0),
        )

    return add, elapsed


def pandas(closed: list[date]) -> tuple[Question, None]:
    import pandas as peer

    def offset(hours: int) -> object:
        return peer.offsets.CustomBusinessHour(
            n=hours, start=["09:00", "14:00"], end=["12:00", "17:00"], holidays=closed
        )

    offsets = {timedelta(hours=h): offset(h) for h in (4, 6, 8, 10)}
    return lambda c: peer.Timestamp(c[0]).tz_convert(ZONE) + offsets[c[1]], None


def main() -> None:
    """Print the table. Ratios are ours over theirs; `same` counts equal answers of those asked."""
    closed = sorted(national_holidays("DE", "BE", range(2019, 2032)))
    asked = cases()
    add, elapsed = ours(closed)
    begun = perf_counter()
    fresh = Schedule("Mo-Fr 09:00-12:00,14:00-17:00", ZONE, frozenset(closed), {})
    parsed = perf_counter()
    fresh.add(*asked[0][:2])
    answered = perf_counter()
    print(f"python {sys.version.split()[0]}, {CASES:,} cases, median of {ROUNDS} rounds")
    print(
        f"load {1000 * (parsed - begun):.1f} ms, first answer {1000 * (answered - parsed):.1f} ms"
    )
    print(f"{'':20}{'add/s':>12}{'ratio':>8}{'same':>9}{'elapsed/s':>14}{'ratio':>8}{'same':>9}")
    mine = per_second(add, asked), per_second(elapsed, asked)
    print(f"{'sla_rules.schedule':20}{mine[0]:12,.0f}{'':17}{mine[1]:14,.0f}")
    peers = ((workclock, ROUNDS), *((one, SLOW_ROUNDS) for one in _SLOW))
    for peer, rounds in peers:
        name = peer.__name__
        if importlib.util.find_spec(name) is None:
            print(f"{name:20}not installed")
            continue
        line = f"{name:20}"
        for answer, question, speed, width in zip(
            (add, elapsed), peer(closed), mine, (12, 14), strict=True
        ):
            if question is None:
                continue
            theirs = per_second(question, asked, rounds)
            same = sum(answer(case) == question(case) for case in asked)
            line += f"{theirs:{width},.0f}{speed / theirs:7.1f}x{same:9,}"
        print(line)


_SLOW = (opening_hours, pandas, businesstimedelta)

if __name__ == "__main__":
    main()
