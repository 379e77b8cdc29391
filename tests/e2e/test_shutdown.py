"""The end of `serve`: within seconds, with all that it started, however it was started."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import requests
from e2e.running import Running, free_port, wait_until
from e2e.test_main_job import send_mails

from plugin.embedded import EmbeddedPostgres
from plugin.supervisor import ENDS_WITHIN

SOON = 40  # seconds; an idle service takes two, on a loaded machine some more


@pytest.fixture
def home():
    """A folder in which an unprivileged PostgreSQL may live as well."""
    folder = Path(tempfile.mkdtemp(prefix="sla-end-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Serving:
    """A `regiondo-sla serve` with a database of its own, begun in the background with nice."""

    def __init__(self, home, *arguments, **environment):
        self.var = home / "var"
        self.data = self.var / "demo" if arguments == ("demo",) else self.var
        self.port = free_port()
        given = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        mine = {"SLA_VAR": str(self.var), "PORT": str(self.port), "WEB_CONCURRENCY": "1"}
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["nice", sys.executable, "-m", "plugin.cli", *(arguments or ("serve",))],
                env={**given, **mine, "SLA_LOG_LEVEL": "ERROR", **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_as_the_background_of_a_script,  # noqa: PLW1509  (one thread here)
            )

    def await_ready(self):
        """Wait until the whole service answers, and return the processes that it consists of."""
        ready = f"http://127.0.0.1:{self.port}/readyz"
        wait_until(lambda: requests.get(ready, timeout=2).ok, within=120, what="a start")
        wait_until(lambda: len(self.children()) >= 3, what="web with a process, and a worker")
        server = EmbeddedPostgres(self.var)._process()
        return [*self.children(), server, *server.children()]

    def children(self):
        """What it started, without the database's server, which is nobody's child."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self):
        """Leave nothing behind where a test failed."""
        if self.process.poll() is None:
            self.process.kill()
        left = EmbeddedPostgres(self.data)
        left.start()
        left.stop()

    def beside(self, *arguments):
        """Type a command beside it, which is told of no database; return what it printed."""
        given = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SLA_SECRET_KEY"}}
        command = [sys.executable, "-m", "plugin.cli", *arguments]
        env = {**given, "SLA_VAR": str(self.var)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


def _as_the_background_of_a_script():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a shell does to `command &`


@pytest.fixture
def serving(home):
    serving = Serving(home)
    yield serving
    serving.end()


def alive(processes):
    """Those that run; one whose end nobody fetched does not."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def assert_all_gone(processes):
    psutil.wait_procs(processes, timeout=3)
    assert not [p.cmdline() for p in alive(processes)]


def test_commands_typed_beside_the_service_find_its_database(serving):
    serving.await_ready()
    for arguments, says in (
        (("report",), ": no ticket"),
        (("replay", "--all", "--dry-run"), "would be looked at again: 0"),
        (("reconcile",), "no account is connected yet"),
        (("backfill", "acme", "--dry-run"), "there is no connection 'acme'"),
        (("pause", "acme"), "there is no connection 'acme'"),
        (("console", "invite"), "/welcome/"),
    ):
        assert says in serving.beside(*arguments), arguments


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_and_its_database(serving, number):
    processes = serving.await_ready()
    serving.process.send_signal(number)
    assert serving.process.wait(SOON) == 0, serving.log.read_text()
    assert_all_gone(processes)
    assert EmbeddedPostgres(serving.var).running() is None


def test_a_signal_while_it_still_starts_ends_it_too(serving):
    pid_file = EmbeddedPostgres(serving.var)._data / "postmaster.pid"
    wait_until(pid_file.exists, what="the database's start", every=0.02)
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(SOON) == 0, serving.log.read_text()
    assert EmbeddedPostgres(serving.var)._process() is None


def test_the_database_ends_though_its_folder_was_taken_away(serving):
    processes = serving.await_ready()
    shutil.rmtree(serving.var)
    serving.process.send_signal(signal.SIGTERM)
    serving.process.wait(SOON)
    assert_all_gone(processes)


def test_a_frozen_program_is_killed_by_the_second_signal(serving):
    processes = serving.await_ready()
    frozen = [p for p in processes if p.cmdline()[-1:] == ["worker"]]
    frozen[0].suspend()
    serving.process.send_signal(signal.SIGTERM)
    wait_until(lambda: len(alive(serving.children())) == 1, what="the web's end", every=0.1)
    serving.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert serving.process.wait(SOON) == 0, serving.log.read_text()
    assert time.monotonic() - began < ENDS_WITHIN, "it waited for what cannot end"
    assert_all_gone(processes)


def test_a_worker_that_is_busy_ends_its_look_first(database_url, home):
    running = Running(database_url, home)
    try:
        worker = psutil.Process(running.service.process("worker").pid)
        slow = [{"kind": "slow", "rate": 1.0, "seconds": 1.5}]
        requests.post(f"{running.sandbox}/sandbox/faults", json=slow, timeout=10)
        send_mails(running, 2)
        wait_until(lambda: jobs(running, "doing"), what="a look that goes on", every=0.05)
        running.service.stop()
        assert_all_gone([worker])
        assert jobs(running, "doing") == 0, "a look was cut off"
    finally:
        running.stop()


def jobs(running, status):
    """How many looks of this test's accounts are in that state."""
    with running.services.store.database.transaction() as database:
        return database.exec_driver_sql(
            "select count(*) from procrastinate_jobs where task_name = 'look_at_ticket'"
            " and status = %s and args ->> 'connection' like %s",
            (status, f"{running.account}-%"),
        ).scalar_one()


def test_the_demo_ends_in_the_midst_of_its_work(home):
    demo = Serving(home, "demo")
    try:
        wait_until(lambda: "Partner e-mails" in demo.log.read_text(), within=120, what="e-mails")
        processes = [*demo.children(), EmbeddedPostgres(demo.data)._process()]
        demo.process.send_signal(signal.SIGTERM)
        assert demo.process.wait(SOON) == 0, demo.log.read_text()
        assert_all_gone(processes)
    finally:
        demo.end()
