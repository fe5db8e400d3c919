"""Where secrets come from: the environment, or the keyring where the environment says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from vesiflow.errors import ConfigError
from vesiflow.secret import secret

keyring = pytest.importorskip("keyring")
NAME, CANARY = "VESIFLOW_LINE_TOKEN", "canary-Zq7-not-to-be-seen"
ASKING = {NAME: "keyring"}


class Memory(keyring.backend.KeyringBackend):  # type: ignore[misc,name-defined]
    """A keyring that forgets."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("it is locked. Try again.")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[Memory]:
    before, found = keyring.get_keyring(), Memory()
    keyring.set_keyring(found)
    yield found
    keyring.set_keyring(before)


def test_the_environment_is_taken_as_it_is_and_the_keyring_not_asked(memory: Memory) -> None:
    memory.locked = True
    assert secret(NAME, {NAME: CANARY}) == CANARY
    assert secret(NAME, {}) is None
    assert secret(NAME, {NAME: ""}) is None


def test_the_keyring_is_asked_where_the_environment_says_so(memory: Memory) -> None:
    keyring.set_password("vesiflow", NAME, CANARY)
    assert secret(NAME, ASKING) == CANARY


def test_what_the_keyring_does_not_give_is_said_with_what_to_do(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=f"no such entry.*keyring set vesiflow {NAME}"):
        secret(NAME, ASKING)
    memory.locked = True
    with pytest.raises(ConfigError, match=r"it is locked.*unlock it") as told:
        secret(NAME, ASKING)
    assert "\n" not in str(told.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"install vesiflow\[keyring\]"):
        secret(NAME, ASKING)
