"""The Zendesk half of the sandbox.

Holds nothing of Freshdesk.
"""
