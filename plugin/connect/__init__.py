"""Connects accounts: checks, a plan, the steps carried out, a test delivery; and undoes it.

Command line and console call this.
"""

from plugin.connect.plan import (
    Did,
    Plan,
    StepDone,
    carry_out,
    connect_account,
    disconnect,
    keep_account,
    plan_account,
    removable,
    rotate,
)
from plugin.connect.request import (
    AccountRequest,
    ConnectError,
    account_address,
    account_key,
    check_request,
    open_setup,
    public_address,
    require,
)
from plugin.connect.trial import Arrival, try_delivery

__all__ = [
    "AccountRequest",
    "Arrival",
    "ConnectError",
    "Did",
    "Plan",
    "StepDone",
    "account_address",
    "account_key",
    "carry_out",
    "check_request",
    "connect_account",
    "disconnect",
    "keep_account",
    "open_setup",
    "plan_account",
    "public_address",
    "removable",
    "require",
    "rotate",
    "try_delivery",
]
