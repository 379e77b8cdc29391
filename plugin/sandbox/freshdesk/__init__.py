"""The Freshdesk half of the sandbox.

Holds nothing of Zendesk.
"""
