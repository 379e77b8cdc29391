"""A Zendesk and a Freshdesk account in memory, for the demo and the tests.

Shares no code with `connectors` or `sla_rules`: what it agrees on with them, it agrees on because
the vendors' documentation says so.
"""
