"""From a delivery to its decision: when idle, in a burst, beside an account that hangs, and how
many looks one and two workers do.

The sandbox answers each request after `SLOW` seconds, as a helpdesk far away does. Prints the lines
of docs/performance.md.
"""

import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import psutil
import requests

os.environ.setdefault("SLA_SANDBOX", "1")
sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from e2e.running import Running, wait_until  # noqa: E402
from e2e.sending import Sender  # noqa: E402
from e2e.test_scale import seconds_to_decide  # noqa: E402

SLOW = float(os.environ.get("BENCH_SLOW", "0.15"))
ACCOUNTS, TICKETS = 8, int(os.environ.get("BENCH_TICKETS", "50"))
UNPACED = {"account": 60_000}
EVENTS = int(os.environ.get("BENCH_EVENTS", "10000"))


def faults(running, *wanted):
    """Replace the sandbox's faults."""
    requests.delete(f"{running.sandbox}/sandbox/faults", timeout=10)
    requests.post(f"{running.sandbox}/sandbox/faults", json=list(wanted), timeout=10)


def looks(running):
    """How many looks were decided."""
    with running.services.store.database.transaction() as database:
        query = "select count(*) from audit_entries where outcome <> 'failed'"
        return database.exec_driver_sql(query).scalar_one()


def idle(running, key, ticket, times=30):
    """Seconds from the delivery being sent to the look's end, one at a time."""
    sender, taken = Sender(running), []
    for _ in range(times):
        before, began = looks(running), time.perf_counter()
        assert sender.post("zendesk", ticket, key=key) == 202
        while looks(running) == before:
            time.sleep(0.002)
        taken.append(time.perf_counter() - began)
        time.sleep(0.2)
    return quantiles(taken, n=20)


def rate(running, tickets):
    """Looks a second over all accounts' tickets."""
    sender, before = Sender(running), looks(running)
    for key, ticket in tickets:
        assert sender.post("zendesk", ticket, key=key) == 202
    began = time.perf_counter()
    wait_until(lambda: looks(running) >= before + len(tickets), 300, "the last look", every=0.05)
    return len(tickets) / (time.perf_counter() - began)


def queued(running):
    """How many looks wait or run."""
    with running.services.store.database.transaction() as database:
        query = "select count(*) from procrastinate_jobs where task_name = 'look_at_ticket'"
        return database.exec_driver_sql(query).scalar_one()


def burst(running, tickets):
    """Send `EVENTS` events on the tickets; seconds until the last is taken in, and worked off,
    and how many looks that took."""
    sender, before, began = Sender(running, threads=4), looks(running), time.perf_counter()
    send = [tickets[number % len(tickets)] for number in range(EVENTS)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: sender.post("zendesk", one[1], key=one[0]), send))
    assert set(answers) == {202}, sender.answers
    taken = time.perf_counter() - began
    wait_until(lambda: not queued(running), 900, "the last look", every=0.1)
    return taken, time.perf_counter() - began, looks(running) - before


def beside(running, tickets):
    """Seconds until the looks of seven accounts are kept, alone and beside one that hangs."""
    keys = [f"{running.account}-{number}" for number in range(ACCOUNTS)]
    mine = sorted({ticket for key, ticket in tickets if key == keys[0]})
    sender = Sender(running)
    alone = seconds_to_decide(running, sender, keys[1:], mine[:4])
    hangs = {"kind": "timeout", "rate": 1, "path": f"/zendesk/{keys[0]}/", "seconds": 60}
    faults(running, {"kind": "drop", "count": 10**6}, hangs)
    for ticket in mine:
        assert sender.post("zendesk", ticket, key=keys[0]) == 202
    time.sleep(0.5)
    return median(alone), median(seconds_to_decide(running, sender, keys[1:], mine[4:8]))


def measure(programs, *, more=False):
    """Start, measure, stop."""
    home = Path(tempfile.mkdtemp(prefix="sla-bench-"))
    home.chmod(0o755)
    running = Running(None, home, programs=programs)
    silent = {"kind": "drop", "count": 10**6}
    try:
        faults(running, silent)
        tickets = []
        for number in range(ACCOUNTS):
            key = f"{running.account}-{number}"
            running.connect("zendesk", key, account=key)
            connection = running.services.store.connections.get(key)
            running.services.store.connections.save(
                replace(connection, settings={**connection.settings, "limits": UNPACED})
            )
            mail = {"from": "a@p.example", "subject": "Erreur", "body": "Erreur 500."}
            tickets += [
                (key, running.act("zendesk", "emails", account=key, **mail)["id"])
                for _ in range(TICKETS)
            ]
        cuts = idle(running, *tickets[0])
        faults(running, silent, {"kind": "slow", "count": 10**6, "seconds": SLOW})
        interleaved = sorted(tickets[TICKETS:], key=lambda one: one[1])
        found = rate(running, interleaved)
        worker = psutil.Process(running.service.process("worker").pid)
        memory = worker.memory_full_info().pss / 2**20
        faults(running, silent)
        rest = (burst(running, tickets), beside(running, tickets)) if more else None
        return cuts, found, memory, rest
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


def main():
    """Measure and print."""
    cuts, one, memory, rest = measure(("web", "worker"), more=True)
    _, two, _, _ = measure(("web", "worker", "worker.2"))
    (taken, worked_off, done), (alone, hung) = rest
    print("idle, delivery sent to look kept (sandbox on the same machine): ", end="")
    print(f"p50 {1000 * cuts[9]:.0f} ms, p95 {1000 * cuts[18]:.0f} ms")
    print(f"looks a second, {1000 * SLOW:.0f} ms a request: ", end="")
    print(f"one worker {one:.1f}, two {two:.1f}, ratio {two / one:.2f}")
    print(f"burst of {EVENTS:,} events on {ACCOUNTS * TICKETS} tickets: ", end="")
    print(f"taken in after {taken:.0f} s, worked off after {worked_off:.0f} s by {done} looks")
    print("delivery to look kept, seven accounts at once, one worker: ", end="")
    print(f"median {alone:.2f} s, beside one that hangs {hung:.2f} s")
    print(f"memory of a worker: {memory:.0f} MB")


if __name__ == "__main__":
    main()
