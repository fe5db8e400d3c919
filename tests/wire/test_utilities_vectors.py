"""Every published byte vector of the utilities through the codecs: requests as the driver builds them, replies read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from devices import modbus
from devices.drivers import atlas_ezo_ec as ezo
from devices.drivers import btx_gemini_x2 as btx
from devices.drivers import huber, julabo
from devices.drivers import mks_937b as mks
from devices.drivers import pfeiffer_tpg362 as tpg
from devices.drivers.plr_io import decode_shaker
from vesiflow.errors import ConfigError, DeviceFault, VesiflowError

DATA = Path(__file__).parents[1] / "data" / "wire"


def raw(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def vectors(name: str) -> list[tuple[bytes, bytes | None]]:
    entries = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
    return [(raw(v["send"]), raw(v["reply"]) if v.get("reply") is not None else None) for v in entries]


def outcome(decode: Callable[[bytes], object], reply: bytes) -> object:
    """The value, or the typed error's class."""
    try:
        return decode(reply)
    except VesiflowError as error:
        return type(error)


def status(reply: bytes) -> object:
    return julabo.decode_status(julabo.decode_line(reply))


def test_julabo() -> None:
    built = {
        **{julabo.encode_read(what): what for what in julabo.READS},
        julabo.encode_set("setpoint", -40.0): "out",
        julabo.encode_set("mode", 0): "out",
        julabo.encode_read("setpoint", 32): "addressed",
    }
    seen = []
    for send, reply in vectors("julabo_circulator"):
        what = built[send.upper()]
        seen.append(what)
        if reply is None:
            assert what == "out"
        elif what == "status":
            assert outcome(status, reply) not in (DeviceFault, ConfigError)
        elif what == "version":
            assert julabo.decode_version(julabo.decode_line(reply)).model == "CRYOCOMPACT CF31"
        elif what == "addressed":
            assert julabo.decode_line(reply, 32) == "55.5"
        else:
            assert float(julabo.decode_line(reply)) in (29.45, 1.0)
    assert {"status", "version", "bath", "mode", "out", "addressed"} <= set(seen)


def test_pfeiffer() -> None:
    for send, reply in vectors("pfeiffer_tpg"):
        name = send.rstrip(b"\r").decode("ascii", "replace")
        if send == tpg.ETX:
            assert reply is None
        elif send == tpg.ENQ:
            assert reply is not None and tpg.decode_pressures(reply) == [(0, 8.3e-3)]
        else:
            assert reply is not None and tpg.decode_acknowledge(reply) is not (name in ("XYZ", "FOL, 3, 2, 2, 2"))
        if name in tpg.MNEMONICS:
            assert tpg.encode(name) == send
    with pytest.raises(ConfigError):
        tpg.encode("XYZ")


def test_eurotherm() -> None:
    for send, reply in vectors("eurotherm_modbus_rtu"):
        unit, function = send[0], send[1]
        address, count = int.from_bytes(send[2:4], "big"), int.from_bytes(send[4:6], "big")
        if send[-2:] != b"\x84.":
            assert modbus.encode_read("rtu", unit, 0, address, count) == send
        assert reply is not None
        if len(reply) == 5:
            assert modbus.decode("rtu", reply, unit, 0, function).exception_code == 2


@pytest.mark.parametrize(("send", "reply"), vectors("atlas_ezo_ec"))
def test_ezo(send: bytes, reply: bytes) -> None:
    text = send.decode("ascii").rstrip("\r")
    if text == "bogus":
        assert outcome(lambda _: ezo.encode(text), b"") is ConfigError and reply == b"*ER\r"
        return
    assert ezo.encode(text) == send
    lines = [ezo.decode_line(line) for line in reply.split(b"\r") if line]
    assert lines[-1] == "*OK"
    if text == "R":
        assert ezo.decode_reading(lines[0], ezo.OUTPUTS) == {"EC": 1496.0, "TDS": 808.0, "S": 0.72, "SG": 1.001}


def test_btx() -> None:
    for send, reply in vectors("btx_gemini_x2"):
        assert reply is not None and btx.prompt(reply) == len(reply)
        line = send.decode("ascii").rstrip("\r\n")
        if line.startswith("meth "):
            payload = bytes.fromhex(line[5:])
            assert btx.encode_program(btx.decode_program(payload)) == payload
        elif line.startswith("sendmtd"):
            assert btx.encode_name("sendmtd", "JJ") == send
            assert btx.decode_program(btx.decode_payload(btx.decode_reply(reply))).voltage == 25.0
        elif line.startswith("sddir"):
            assert btx.encode_path("sddir", r"\BTXDATA") == send
            assert btx.decode_reply(reply, line) == ["2026-03"]
        else:
            assert btx.encode_command(line) == send and btx.decode_reply(reply)


def test_huber() -> None:
    for send, reply in vectors("huber"):
        assert reply is not None
        if send.startswith(b"["):
            assert huber.encode_lai("V") == send and huber.decode_lai(reply, "V") == "Huber Control"
            continue
        address, value = int(send[2:4], 16), send[4:8]
        assert huber.encode_pb(address, None if value == b"****" else int(value, 16)) == send
        found = huber.decode_temperature(huber.decode_pb(reply, address if address != 0x31 else reply_address(reply)))
        assert found in (12.42, 150.0, -50.0, -151.0)


def reply_address(reply: bytes) -> int:
    """One published vector answers {M31 by {S30: kept as printed, the driver itself would not take it."""
    return int(reply[2:4], 16)


def test_mks() -> None:
    found = []
    for send, reply in vectors("mks_937b"):
        assert reply is not None
        address, body = int(send[1:4]), send[4:-3].decode("ascii")
        name, mark, value = body.partition("!") if "!" in body else body.partition("?")
        assert mks.encode(address, name, value if mark == "!" else None) == send
        found.append(outcome(lambda data, a=address: mks.decode(data, a), reply))  # type: ignore[misc]
    assert found == ["7.602E+2", "1.10e-9", "MICRON", "ON", "ABOVE", DeviceFault]


@pytest.mark.parametrize(("send", "reply"), vectors("qinstruments_bioshake"))
def test_bioshake(send: bytes, reply: bytes) -> None:
    expected = DeviceFault if reply.startswith(b"u ->") else None
    assert outcome(lambda data: decode_shaker(data, send.decode("ascii").strip()), reply) is expected
