"""The commands of `regiondo-sla`, one module a subject; `plugin/cli.py` collects them."""
