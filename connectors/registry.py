"""The vendors there are: one line each."""

from collections.abc import Mapping

from .base import Vendor
from .freshdesk.connector import VENDOR as FRESHDESK
from .zendesk.connector import VENDOR as ZENDESK

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (ZENDESK, FRESHDESK)}
