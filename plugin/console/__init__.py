"""The pages for people. Each page is a module; this one only puts them together."""

from flask import Flask

from plugin.console import frame


def mount(app: Flask) -> None:
    """Put every page into the application."""
    from plugin.console import (
        features,
        overview,
        people,
        policies,
        reports,
        sign_in,
        tickets,
        tokens,
    )

    parts = (sign_in, overview, tickets, policies, features, reports, tokens, people)
    frame.mount(app, *(part.blueprint for part in parts), sign_in.mine)
