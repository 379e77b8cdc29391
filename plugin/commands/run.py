"""The commands that run something: serve, web, worker, migrate, sandbox, demo.

What they run is elsewhere; each imports it when it starts, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from plugin.settings import Settings


@click.command()
def serve() -> None:
    """Run database, web and worker on this machine until Ctrl-C.

    Without DATABASE_URL a PostgreSQL of its own runs under var/.

    \b
    Example:
      PORT=8080 regiondo-sla serve
    """
    from plugin.supervisor import Service, Stopped

    settings = Settings()
    service = Service(settings, signals=_stop_on_signals())
    try:
        service.start()
        click.echo(f"regiondo-sla answers on http://{settings.host}:{settings.port}/ (Ctrl-C ends)")
        service.watch()
    except Stopped:
        pass
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        service.stop()


@click.command()
def web() -> None:
    """Run the web process: webhooks, console and API.

    On the database that DATABASE_URL names; any number may run.

    \b
    Example:
      DATABASE_URL=postgresql://... SLA_SECRET_KEY=... PORT=8080 regiondo-sla web
    """
    from plugin.commands.console import first_link

    settings = _ready()
    link = first_link(settings) if settings.log_level != "ERROR" else None
    if link:
        click.echo(f"Nobody can sign in yet. The first admin opens this link (once): {link}")
    host = settings.host if "SLA_HOST" in os.environ else "0.0.0.0"  # noqa: S104 # nosec B104
    os.execv(  # noqa: S606
        sys.executable,
        [
            sys.executable, "-m", "gunicorn", "plugin.wsgi:app",
            "--config", "python:plugin.gunicorn_hooks",
            "--bind", f"{host}:{settings.port}",
            "--workers", str(settings.web_workers),
            "--threads", "4", "--worker-class", "gthread",
            "--log-level", "warning", "--timeout", "30",
        ],
    )  # fmt: skip


@click.command()
def worker() -> None:
    """Run a worker process: looks at tickets, deadlines, sweeps.

    On the database that DATABASE_URL names; any number may run.

    \b
    Example:
      DATABASE_URL=postgresql://... SLA_SECRET_KEY=... regiondo-sla worker
    """
    from plugin.logs import configure_logs, hide
    from plugin.worker import run_worker

    settings = _ready()
    configure_logs(settings.log_level)
    hide(*settings.secrets())
    run_worker(settings)


@click.command()
def migrate() -> None:
    """Bring the tables of DATABASE_URL to this version.

    Safe to repeat.

    \b
    Example:
      DATABASE_URL=postgresql://... regiondo-sla migrate
    """
    from plugin.store.migrate import migrate as run

    run(Settings().require_database())
    click.echo("The tables are those of this version.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    help="How fast rate windows, webhook retries, tokens and recalculations run.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:RATE],...",
    help="429, 503, timeout, reset, slow, duplicate, reorder or drop, each with its chance from "
    "0 to 1 (default 0.05).",
)
@click.option("--seed", default=0, show_default=True, help="Where the faults' chance starts.")
@click.option(
    "--root",
    metavar="VENDOR/ACCOUNT",
    help="Serve this account without its path too, for clients that take only a host.",
)
def sandbox(
    host: str, port: int, speed: float, faults: tuple[str, ...], seed: int, root: str | None
) -> None:
    """Serve a mock Zendesk and a mock Freshdesk.

    For trying things without an account.

    \b
    Examples:
      regiondo-sla sandbox --port 8090
      regiondo-sla sandbox --speed 60 --fault 429,503:0.1,drop
    """
    from plugin.sandbox.clock import Clock
    from plugin.sandbox.faults import read_faults
    from plugin.sandbox.server import create_sandbox, make_sandbox_server

    if root is not None and root.split("/")[0] not in ("zendesk", "freshdesk"):
        raise click.ClickException(f"--root must name an account, as zendesk/acme, not {root!r}")
    try:
        made = create_sandbox(Clock(speed=speed), seed=seed, root=root)
        for fault in read_faults(",".join(faults)):
            made.faults.add(fault)
        server = make_sandbox_server(made, host, port)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Zendesk   http://{host}:{port}/zendesk/acme    (sandbox-client, sandbox-secret)")
    click.echo(f"Freshdesk http://{host}:{port}/freshdesk/acme  (API key sandbox-key)")
    server.serve_forever()


@click.command()
def demo() -> None:
    """Show it all: a week of e-mails in two sandbox helpdesks.

    Prints their due dates and reasons, and leaves the console open.

    DEMO_EXIT=1 ends after the table.

    \b
    Example:
      DEMO_EXIT=1 regiondo-sla demo
    """
    from plugin.demo.run import run_demo

    run_demo(Settings(), _stop_on_signals(), stay=not os.environ.get("DEMO_EXIT"))


def _ready() -> Settings:
    settings = Settings()
    settings.require_database()
    settings.require_secret_key()
    return settings


def _stop_on_signals() -> list[int]:
    """Return a list that fills when SIGINT or SIGTERM arrives.

    Nothing is interrupted: an exception in the midst of stopping would leave processes behind.
    """
    received: list[int] = []

    def stop(number: int, frame: object) -> None:
        del frame
        received.append(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return received


COMMANDS: tuple[click.Command, ...] = (serve, web, worker, migrate, sandbox, demo)
