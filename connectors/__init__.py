"""One folder a vendor: verify its webhooks, read its tickets, write the patch.

Holds no rule of the contract and no storage.
"""
