"""The door's speed: webhook to 2xx beside a bare Flask route with one INSERT, on one database.

Same gunicorn, same client, alternating rounds. Prints the table of docs/performance.md.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import psutil
import psycopg

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from e2e.running import free_port, wait_until  # noqa: E402

from connectors.base import Connection, WebhookSecret  # noqa: E402
from connectors.zendesk.signature import sign  # noqa: E402
from plugin.bootstrap import build_services  # noqa: E402
from plugin.embedded import EmbeddedPostgres  # noqa: E402
from plugin.settings import Settings  # noqa: E402
from plugin.store.migrate import migrate  # noqa: E402

SECRET = "a webhook secret of at least 32 bytes"
CLIENTS = 4
ROUNDS, REQUESTS = 3, int(os.environ.get("BENCH_REQUESTS", "2000"))
SERVER = ["--workers", "2", "--threads", "4", "--worker-class", "gthread", "--log-level", "error"]


def start(app, port, environment, folder):
    """Run an application under gunicorn."""
    command = [sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", *SERVER]
    process = subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    wait_until(lambda: answers(port), what=app, every=0.1)
    return process


def answers(port):
    """Whether somebody listens."""
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()
    except OSError:
        return False
    return True


def ours(number):
    """A signed event of one of 500 tickets."""
    body = json.dumps({"ticket_id": str(number % 500 + 1)}).encode()
    timestamp = datetime.now(UTC).isoformat()
    return (
        "/webhooks/zendesk/acme",
        body,
        {
            "Content-Type": "application/json",
            "X-Zendesk-Webhook-Signature": sign(SECRET, timestamp, body),
            "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            "X-Zendesk-Webhook-Invocation-Id": uuid.uuid4().hex,
        },
    )


def bare(number):
    """The same body to the bare route."""
    body = json.dumps({"ticket_id": str(number % 500 + 1)}).encode()
    return "/", body, {"Content-Type": "application/json"}


def send(port, requests, rate=None):
    """Send from some clients at once; `rate` a second in all, else as fast as answered."""
    latencies, faults = [], []
    began = time.perf_counter()

    def client(offset):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(offset, len(requests), CLIENTS):
            path, body, headers = requests[number]
            due = began + number / rate if rate else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            latencies.append(time.perf_counter() - due)
            if answer.status != 202:
                faults.append(answer.status)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, f"{len(faults)} answers were not 202, such as {faults[0]}"
    return len(requests) / (time.perf_counter() - began), latencies


def line(name, rate, latencies):
    """One line of the table."""
    cuts = quantiles((1000 * one for one in latencies), n=100)
    print(
        f"| {name} | {rate:,.0f} | {cuts[49]:.1f} | {cuts[94]:.1f} | {cuts[98]:.1f} |", flush=True
    )


def memory(process):
    """Megabytes of a process and its children that they do not share with others (PSS)."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / 2**20


def main():
    """Measure and print."""
    home = Path(tempfile.mkdtemp(prefix="sla-bench-"))
    home.chmod(0o755)
    database = EmbeddedPostgres(home)
    url = database.start()
    migrate(url)
    settings = Settings(database_url=url, secret_key="a secret of the benchmark")
    services = build_services(settings, pool_size=1)
    secrets = (WebhookSecret(kid="1", value=SECRET),)
    services.store.connections.save(
        Connection(
            key="acme",
            vendor="zendesk",
            base_url="https://acme.zendesk.com",
            webhook_secrets=secrets,
        )
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table bare (id bigint generated always as identity, body bytea)")
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "SLA_SECRET_KEY": "a secret of the benchmark",
        "SLA_LOG_LEVEL": "WARNING",
    }
    here, root = Path(__file__).parent, Path(__file__).parent.parent.parent
    ports = {"bare": free_port(), "ours": free_port()}
    processes = [
        start("bare:app", ports["bare"], environment, here),
        start("plugin.wsgi:app", ports["ours"], environment, root),
    ]
    makers = {"bare": bare, "ours": ours}
    try:
        for name, make in makers.items():
            send(ports[name], [make(n) for n in range(300)])  # warm
        rates = {name: [] for name in makers}
        seen = {name: [] for name in makers}
        for _ in range(ROUNDS):
            for name, make in makers.items():
                rate, latencies = send(ports[name], [make(n) for n in range(REQUESTS)])
                rates[name].append(rate)
                seen[name] += latencies
        print("| | requests/s | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|")
        line("bare route, one INSERT", sum(rates["bare"]) / ROUNDS, seen["bare"])
        line("webhook, kept with its job", sum(rates["ours"]) / ROUNDS, seen["ours"])
        rate, latencies = send(ports["ours"], [ours(n) for n in range(2000)], rate=100)
        line("webhook at 100 a second", rate, latencies)
        rate, latencies = send(ports["ours"], [ours(n) for n in range(10_000)])
        line("burst of 10,000", rate, latencies)
        print(f"\nratio to the bare route: {sum(rates['ours']) / sum(rates['bare']):.2f}")
        print(f"memory of web (2 processes): {memory(psutil.Process(processes[1].pid)):.0f} MB")
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        services.store.close()
        database.stop()


if __name__ == "__main__":
    main()
