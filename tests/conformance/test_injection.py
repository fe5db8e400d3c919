"""Texts of recipes, barcodes, people and the API: 10 000 hostile ones through every method that takes text."""

from __future__ import annotations

import asyncio
import random

import pytest

from devices import registry
from devices.drivers import atlas_ezo_ec, btx_gemini_x2, gilson_gsioc, huber, mks_937b
from devices.strict import wire_text
from devices.testing.capabilities import texts_of
from devices.testing.counterpart import driver_name
from devices.testing.injection import hostile_texts, is_one_command, never_breaks_out
from devices.testing.session import Session, converse
from tests.conformance.counterparts import COUNTERPARTS
from vesiflow.errors import ConfigError, VesiflowError

TEXTS = 10_000
SLOW = {"plr": 300, "operator": 3000}
"""PyLabRobot plans every transfer, and every prompt is a person's minute: fewer texts there."""

TAKES_TEXT = [
    (key, capability)
    for key in COUNTERPARTS
    for capability in registry.load(driver_name(key)).provides
    if texts_of(capability)
]


@pytest.mark.parametrize(("key", "capability"), TAKES_TEXT)
def test_no_text_ends_a_command_or_begins_another(key: str, capability: str) -> None:
    count = SLOW.get(key, TEXTS)

    async def talk(session: Session) -> int:
        return await never_breaks_out(session, capability, hostile_texts(random.Random(key), count))

    assert converse(key, COUNTERPARTS[key], talk) >= count


CODECS = {
    "btx name": lambda text: btx_gemini_x2.encode_name("sendmtd", text),
    "btx folder": lambda text: btx_gemini_x2.encode_path("sddir", text),
    "btx log": lambda text: btx_gemini_x2.encode_path("sdsend", text),
    "ezo": lambda text: atlas_ezo_ec.encode(f"Name,{text}"),
    "gilson display": lambda text: gilson_gsioc.encode_display(text).encode("ascii"),
    "huber LAI": lambda text: huber.encode_lai("V", text),
    "mks value": lambda text: mks_937b.encode(253, "SP1", text),
}


@pytest.mark.parametrize("name", CODECS)
def test_codecs_refuse_what_is_no_plain_text(name: str) -> None:
    sent = 0
    for text in hostile_texts(random.Random(name), TEXTS):
        try:
            data = CODECS[name](text)
        except VesiflowError:
            continue
        sent += 1
        assert is_one_command(data, ""), f"{text!r} became {data!r}"
        assert not {"\r", "\n", "\x03", "\x1b", '"', "'", ";"} & set(text) or name == "huber LAI"
    assert sent > 0 or name in ("btx folder", "btx log")  # paths of the instrument: no chance text is one


def test_the_proof_itself_can_fail() -> None:
    assert not is_one_command(b"GOA\rGOB\r", "A\rGOB")
    assert not is_one_command(b'sendmtd "A" delm "B"\r\n', 'A" delm "B')
    assert not is_one_command(b"T\x03X\r", "X")
    assert is_one_command(b"GOA\r", "A") and is_one_command(b'{"text": "A\\r\\n"}\n', "A\r\n")
    with pytest.raises(ConfigError):
        wire_text("A\n", what="name", pattern="[A-Z]*", limit=9)


def test_the_kit_notices_a_driver_that_lets_text_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(btx_gemini_x2, "encode_name", lambda verb, name: f'{verb} "{name}"\r\n'.encode())

    async def talk(session: Session) -> int:
        return await never_breaks_out(session, "electroporator", ['x"\r\ndelm "EV1'])

    with pytest.raises(AssertionError, match="read_program"):
        converse("btx_gemini_x2", COUNTERPARTS["btx_gemini_x2"], talk)
    assert not asyncio._get_running_loop()
