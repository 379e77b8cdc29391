"""`serve`: database, web and worker on one machine, in one command.

Several machines run `web` and `worker` from the Procfile instead.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from plugin.embedded import EmbeddedPostgres
from plugin.metrics import FOLDER, make_folder
from plugin.settings import Settings
from plugin.store.migrate import migrate

GIVE_UP_AFTER = 3  # ends in a row
TOO_EARLY = 5.0  # seconds of life
ENDS_WITHIN = 25.0  # seconds for all programs together: a worker finishes the looks in hand


class Stopped(Exception):
    """A signal asked for the end while something was being started or watched."""


class Service:
    """The running processes. `start` brings them up, `watch` keeps them up, `stop` ends them.

    `programs` are commands; a second one of a kind has a number: `worker.2`. `signals` fills with
    those that ask for the end: the first ends in order, a second one in haste.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        programs: tuple[str, ...] = ("web", "worker"),
        signals: Sequence[int] = (),
    ) -> None:
        self._settings = settings
        self._signals = signals
        self._programs = programs
        self._postgres: EmbeddedPostgres | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._began: dict[str, float] = {}
        self._early_ends: dict[str, int] = {}
        self.environment: dict[str, str] = {}

    def start(self) -> str:
        """Return the database's address, with web and worker running on it. Raises `Stopped`."""
        url = self._settings.database_url
        if url is None:
            self._postgres = EmbeddedPostgres(self._settings.var)
            url = self._postgres.start(self._check)
        key = self._settings.secret_key or _kept_secret(self._settings.var / "secret.key")
        self.environment = {
            **os.environ,
            "DATABASE_URL": url,
            "SLA_SECRET_KEY": key,
            "SLA_HOST": self._settings.host,
            "PORT": str(self._settings.port),
            FOLDER: make_folder(str(self._settings.port)),
            "SLA_LOG_LEVEL": self._settings.log_level,
            "WEB_CONCURRENCY": str(self._settings.web_workers),
        }
        migrate(url)
        self._check()
        for program in self._programs:
            self._spawn(program)
        return url

    def settings(self) -> Settings:
        """Return the settings that web and worker run with."""
        return self._settings.model_copy(
            update={
                "database_url": self.environment["DATABASE_URL"],
                "secret_key": self.environment["SLA_SECRET_KEY"],
            }
        )

    def watch(self) -> None:
        """Restart what ends, until a signal comes. Raises `RuntimeError` where it ends at once."""
        with suppress(Stopped):
            while True:
                self.restart_ended()
                time.sleep(0.3)

    def restart_ended(self) -> None:
        """Start again what has ended since the last look, the database first. Raises `Stopped`."""
        self._check()
        if self._postgres and not self._postgres.is_running():
            self._postgres.start(self._check)
        for program, process in list(self._processes.items()):
            if process.poll() is None:
                continue
            early = time.monotonic() - self._began[program] < TOO_EARLY
            fault = early and process.returncode != -signal.SIGKILL  # a kill is not its own fault
            self._early_ends[program] = self._early_ends.get(program, 0) + 1 if fault else 0
            if self._early_ends[program] >= GIVE_UP_AFTER:
                raise RuntimeError(
                    f"{program} ended {GIVE_UP_AFTER} times in a row; its words are above"
                )
            self._spawn(program)

    def stop(self) -> None:
        """End everything that was started; what does not end in time is killed.

        A killed worker's looks are taken up at the next start. No fault in one step skips another.
        """
        with ExitStack() as steps:  # the last one added comes first
            if self._postgres:
                steps.callback(self._postgres.stop)
            for process in self._processes.values():
                steps.callback(_kill_group, process)
            deadline = time.monotonic() + ENDS_WITHIN
            for process in self._processes.values():
                process.terminate()
            while any(process.poll() is None for process in self._processes.values()):
                if time.monotonic() > deadline or len(self._signals) > 1:
                    break
                time.sleep(0.05)

    def _check(self) -> None:
        if self._signals:
            raise Stopped

    def kill(self, program: str) -> None:
        """Kill a process, or the embedded `database`, at once (kill -9), for tests."""
        if program == "database" and self._postgres:
            self._postgres.kill()
            return
        self._processes[program].kill()
        self._processes[program].wait()

    def process(self, program: str) -> subprocess.Popen[bytes]:
        """Return the running process, for measurements."""
        return self._processes[program]

    def restart(self, program: str) -> None:
        """Let a process finish what it has in hand, and start it again."""
        self._processes[program].terminate()
        self._processes[program].wait(60)
        self._spawn(program)

    def reload(self, program: str) -> None:
        """Let the web's server replace its processes one by one, without closing the door."""
        self._processes[program].send_signal(signal.SIGHUP)

    def _spawn(self, program: str) -> None:
        self._began[program] = time.monotonic()
        self._processes[program] = spawn([program.partition(".")[0]], self.environment)


def spawn(
    arguments: list[str], environment: Mapping[str, str], *, quiet: bool = False
) -> subprocess.Popen[bytes]:
    """Start one of our own programs; it ends when its parent does. Call from the main thread."""
    return subprocess.Popen(
        [sys.executable, "-m", "plugin.cli", *arguments],
        env=dict(environment),
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
        start_new_session=True,  # Ctrl-C reaches the parent only, which ends its children in order
        preexec_fn=_end_with_parent,  # noqa: PLW1509  (the parent has one thread here)
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that is still there, with the processes it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its group has its number: see `spawn`
        process.wait()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _kept_secret(path: Path) -> str:
    """Return the passphrase in the file, made on first use and readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("utf-8").strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return path.read_text("utf-8")
