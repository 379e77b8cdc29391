"""The support contract as code: pure rules over values.

Holds no I/O, reads no clock and knows no vendor.
"""
