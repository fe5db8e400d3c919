"""Secrets come from the environment or, where the variable says `keyring`, from the keyring of the user.

They are never in an order, a line file, a command line or a record. In the keyring a secret is filed under the service
`vesiflow` and the name of its variable: `keyring set vesiflow VESIFLOW_LINE_TOKEN` asks for it and keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module

from vesiflow.errors import ConfigError

KEYRING = "keyring"
SERVICE = "vesiflow"


def secret(name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The secret of the variable `name`; None when it is not set; ConfigError when the keyring does not have it."""
    found = (os.environ if environment is None else environment).get(name)
    return _kept(name) if found == KEYRING else found or None


def _kept(name: str) -> str:
    try:
        keyring = import_module("keyring")
    except ImportError:
        raise ConfigError(
            "the keyring cannot be read", device=name, remedy="install vesiflow[keyring], or set the variable"
        ) from None
    try:
        found: str | None = keyring.get_password(SERVICE, name)
    except keyring.errors.KeyringError as error:
        reason = str(error).partition(". ")[0].rstrip(".")
        raise ConfigError(
            f"the keyring does not open: {reason}", device=name, remedy="unlock it, or set the variable"
        ) from error
    if not found:
        raise ConfigError(
            "the keyring has no such entry", device=name, remedy=f"run `keyring set {SERVICE} {name}`"
        ) from None
    return found
