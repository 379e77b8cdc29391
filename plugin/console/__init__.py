"""The pages for people. Each page is a module; this one only puts them together."""

from flask import Flask

from plugin.console import frame


def mount(app: Flask) -> None:
    """Put every page into the application."""
    from plugin.console import (
        connections,
        deliveries,
        errands,  # noqa: F401  (its pages are in the section of connections)
        features,
        overview,
        people,
        policies,
        reports,
        sign_in,
        tickets,
        tokens,
    )

    pages = (
        overview, tickets, policies, features, reports, deliveries, connections, tokens, people,
    )  # fmt: skip
    frame.mount(app, sign_in.blueprint, sign_in.mine, *(page.blueprint for page in pages))
