"""The one error that rules raise.

Knows nothing of vendors; their errors are in `connectors.errors`.
"""


class PolicyError(ValueError):
    """A policy, schedule or word list contradicts itself or cannot be read; it must not take effect."""
