"""The read API for other programs, under /api/v1. What it offers is told in `openapi.json`."""

from plugin.api.views import blueprint

__all__ = ["blueprint"]
