"""Measures `regiondo-sla evaluate`: tickets a second on one core, memory by length, policy load.

Run by `make bench`; the table is in docs/performance.md. `--full` adds a million lines.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sla_rules.policy_file import DEFAULT_POLICY, read_policy

COMMAND = [sys.executable, "-m", "plugin.cli", "evaluate", "--now", "2026-12-01T09:00:00Z"]
TEXT = (
    "Le paiement ne fonctionne plus depuis ce matin et nos clients ne peuvent pas réserver leur "
    "visite guidée merci de regarder le calendrier des billets pour la semaine prochaine"
)
TIERS = ("Entreprise", "Avancé", "Starter", "Gratuit")


def lines(count: int, body_length: int) -> Iterator[bytes]:
    """Yield tickets of the last fortnight as JSON Lines, each with a body of that length."""
    chance = random.Random(count)
    for number in range(count):
        day, hour, minute = chance.randint(16, 30), chance.randint(0, 23), chance.randint(0, 59)
        ticket = {
            "id": number,
            "channel": "email",
            "created_at": f"2026-11-{day:02}T{hour:02}:{minute:02}:00Z",
            "organization": {"name": "Alpentour", "tier": chance.choice(TIERS)},
        }
        if body_length:
            text = " ".join(chance.choices(TEXT.split(), k=body_length // 4))[:body_length]
            ticket |= {"subject": "Erreur au paiement", "body": text}
        yield json.dumps(ticket, ensure_ascii=False).encode() + b"\n"


def measured(tickets: Iterable[bytes]) -> tuple[float, float]:
    """Return the processor seconds and the largest memory in MB of one run."""
    with tempfile.TemporaryFile() as given:
        given.writelines(tickets)
        given.seek(0)
        process = subprocess.Popen(COMMAND, stdin=given, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"evaluate failed with status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    text = DEFAULT_POLICY.read_text("utf-8")
    loads = []
    for _ in range(5):
        began_at = time.perf_counter()
        read_policy(text, str(DEFAULT_POLICY), folder=Path(DEFAULT_POLICY).parent)
        loads.append(time.perf_counter() - began_at)
    print(f"policy load: {min(loads) * 1000:.0f} ms (best of 5)")
    start, memory = min(measured(lines(1, 0)) for _ in range(3))
    print(f"start of the command: {start:.2f} s of the processor, {memory:.0f} MB")
    counts = (1_000, 10_000, 100_000, *((1_000_000,) if "--full" in sys.argv else ()))
    for body, sizes in ((0, counts), (1_000, (1_000, 10_000))):
        for count in sizes:
            seconds, memory = measured(lines(count, body))
            rate = count / (seconds - start)
            print(f"bodies of {body:>5} B, {count:>9,} lines: {rate:>7,.0f}/s, {memory:.0f} MB")


if __name__ == "__main__":
    main()
