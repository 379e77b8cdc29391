"""The one error that rules raise.

Knows nothing of vendors; their errors are in `connectors.errors`.
"""


class PolicyError(ValueError):
    """A policy, schedule or word list is unreadable or contradicts itself: it is refused."""
