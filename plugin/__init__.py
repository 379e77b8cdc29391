"""The service: takes events in, works them off, shows what it did.

Holds no rule of the contract and no vendor's words.
"""
