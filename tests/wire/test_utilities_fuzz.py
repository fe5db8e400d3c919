"""Malformed, truncated, glued and delayed answers: a value or a typed error, never a hang or another exception.

The seed is fixed; set VESIFLOW_FUZZ to the number of frames per driver for a long run.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from devices import modbus
from devices.drivers import atlas_ezo_ec as ezo
from devices.drivers import btx_gemini_x2 as btx
from devices.drivers import btx_log, huber, julabo, plr_io, plr_wire
from devices.drivers import keyence_bl1300 as keyence
from devices.drivers import mks_937b as mks
from devices.drivers import operator as person
from devices.drivers import pfeiffer_tpg362 as tpg
from devices.drivers.eurotherm_modbus import Eurotherm, EurothermOptions
from devices.drivers.qinstruments_bioshake import BioShake, decode_errors
from devices.drivers.uv_modbus import UvModbus, UvOptions, decode_number
from devices.link import Link
from devices.readings import Prompt, PulseProgram
from devices.testing.fuzz import Babbler, spoil
from vesiflow.clock import VirtualClock
from vesiflow.errors import VesiflowError

FRAMES = int(os.environ.get("VESIFLOW_FUZZ", "300"))
PROMPT = Prompt("sample", "Take one.", (), (("particles", "1/mL"), ("clean", "yes/no")))
PULSE = PulseProgram("EV1", "exponential", 400.0, 1, 0.0, 2e-3, capacitance=125e-6)
HEX = btx.encode_program(PULSE).hex().upper().encode()
LOG = b"Protocol Name: EV1\nProtocol Type: Exponential\nPulse Amplitude (V): 400\nNumber of Pulses: 1\n" \
      b"Pulse 1 Voltage: 395 V\nPulse 1 Time Constant: 6200 us\nProtocol Result: Complete\n" \
      b"Status: 0x00000000.00000000 - ok\n"  # fmt: skip
PATH = r"\BTXDATA\2026-01\260105\081500.TXT"
RTU = bytes.fromhex("01 03 02 00 C8 B9 D2")
TCP = bytes.fromhex("0001 0000 0007 01 03 04 42150000")


def text(decode: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: decode(data.decode("latin-1"))


CODECS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "julabo status": (lambda d: julabo.decode_status(julabo.decode_line(d)), [b"03 REMOTE START\r\n", b"-11 X\r\n"]),
    "julabo version": (lambda d: julabo.decode_version(julabo.decode_line(d)), [b"JULABO CF31 VERSION 5.0\r\n"]),
    "tpg pressures": (tpg.decode_pressures, [b"0,1.3250E-01,5,2.0000E-2\r\n"]),
    "tpg threshold": (tpg.decode_threshold, [b"2,7.6000E-02,8.4000E-02\r\n"]),
    "tpg words": (tpg.decode_error, [b"0001\r\n"]),
    "tpg identity": (tpg.decode_identity, [b"TPG362,PTG28290,44990000,010300,010100\r\n"]),
    "tpg unit": (tpg.decode_unit, [b"0\r\n"]),
    "tpg relays": (tpg.decode_switches, [b"0,1,0,0\r\n"]),
    "rtu": (lambda d: modbus.decode("rtu", d, 1, 0, 3), [RTU, bytes.fromhex("01 83 02 C0 F1")]),
    "tcp": (lambda d: modbus.decode("tcp", d, 1, 1, 3), [TCP]),
    "uv": (lambda d: decode_number(list(d), "FLOAT32"), [b"\x42\x15"]),
    "ezo reading": (text(ezo.decode_reading), [b"1496"]),
    "ezo identity": (text(ezo.decode_identity), [b"?i,EC,2.16"]),
    "btx payload": (
        lambda d: btx.decode_program(btx.decode_payload(btx.decode_reply(d))),
        [b"meth " + HEX + b"\nmend\n:"],
    ),
    "btx version": (lambda d: btx.decode_version(btx.decode_reply(d)), [b"BTX Gemini 4.0.4\nSerial number: 11\n:"]),
    "btx catalogue": (
        lambda d: btx.decode_catalogue(btx.decode_reply(d)),
        [b"Name Steps\n---\nEV1              1\n\n1 file(s) using 1 steps\n:"],
    ),
    "btx log": (lambda d: btx_log.decode_log(PATH, d.decode("latin-1").splitlines()), [LOG]),
    "huber pb": (lambda d: huber.decode_pb(d, 0), [b"{S0004DA\r\n"]),
    "huber lai": (lambda d: huber.decode_lai(d, "V"), [b"[S01V14Huber ControlC1\r"]),
    "mks": (
        lambda d: mks.decode_pressure(mks.decode(d, 253)),
        [b"@253ACK7.602E+2;FF", b"@253NAK152;FF", b"@253ACKLO;FF"],
    ),
    "shaker": (lambda d: plr_io.decode_shaker(d, "getTempActual"), [b"4.05\r\n", b"e\r\n", b"u -> x\r\n"]),
    "shaker errors": (text(decode_errors), [b"{101; 203}"]),
    "keyence": (text(lambda code: keyence.decode_code(code, r"[A-Z0-9-]+")), [b"EV-0042"]),
    "operator": (
        lambda d: person.decode_answer(d, 7, PROMPT),
        [b'{"id": 7, "values": {"particles": 2.5e9, "clean": true}, "by": "A"}', b'{"id": 7, "refused": "no"}'],
    ),
    "robot": (lambda d: plr_wire.decode_result(d, 3), [b'{"id": 3, "ok": true}', b'{"id": 3, "error": "full"}']),
}


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_returns_a_value_or_a_typed_error(name: str) -> None:
    decode, good = CODECS[name]
    dice = random.Random(name)
    for sample in good:
        decode_or_typed(decode, sample)
        for _ in range(FRAMES):
            decode_or_typed(decode, spoil(dice, sample))


def decode_or_typed(decode: Callable[[bytes], object], data: bytes) -> None:
    try:
        decode(data)
    except VesiflowError as error:
        assert not {"\r", "\n", "\x00", "\x1b"} & set(str(error))


Act = Callable[[Any], Any]
DRIVERS: dict[str, tuple[Any, Any, list[Act], list[bytes]]] = {
    "julabo": (
        julabo.Julabo,
        None,
        [lambda d: d.read_circulator(), lambda d: d.set_temperature(20.0), lambda d: d.start()],
        [b"03 REMOTE START\r\n", b"20.0\r\n", b"1\r\n", b"JULABO CF31 VERSION 5.0\r\n", b"-08 INVALID COMMAND\r\n"],
    ),
    "pfeiffer": (
        tpg.PfeifferTpg362,
        None,
        [lambda d: d.read_pressures(), lambda d: d.set_pressure(8.0), lambda d: d.set_relay("vent", False)],
        [b"\x06\r\n", b"\x15\r\n", b"0\r\n", b"0,1.0E-1,0,1.0E-1\r\n", b"0000\r\n", b"0,0,0,0\r\n", b"2,1E-1,2E-1\r\n"],
    ),
    "eurotherm": (
        Eurotherm,
        EurothermOptions(writable=True),
        [lambda d: d.role("thermometer").read_temperature(), lambda d: d.role("thermometer").set_temperature(5.0)],
        [RTU],
    ),
    "uv": (UvModbus, UvOptions(transport="tcp"), [lambda d: d.read_absorbance()], [TCP]),
    "ezo": (
        ezo.AtlasEzoEc,
        None,
        [lambda d: d.read_conductivity(), lambda d: d.set_compensation(4.0)],
        [b"*OK\r", b"1496\r*OK\r", b"?i,EC,2.16\r*OK\r", b"*ER\r", b"?,O,EC\r*OK\r", b"*RE\r"],
    ),
    "btx": (
        btx.BtxGeminiX2,
        None,
        [
            lambda d: d.upload(PULSE),
            lambda d: d.read_log_names(),
            lambda d: d.read_log(PATH),
            lambda d: d.read_uploaded(),
        ],
        [b":", b"Y\n:", b"meth " + HEX + b"\nmend\n:", LOG + b":", b"command error: x\n:"],
    ),
    "huber": (
        huber.Huber,
        None,
        [lambda d: d.read_circulator(), lambda d: d.set_temperature(20.0)],
        [b"{S0004DA\r\n", b"{S1407D0\r\n", b"[S01V14Huber ControlC1\r"],
    ),
    "mks": (
        mks.Mks937b,
        None,
        [lambda d: d.read_pressures(), lambda d: d.set_pressure(8.0), lambda d: d.read_relays()],
        [b"@253ACKTORR;FF", b"@253ACK7.602E+2;FF", b"@253NAK160;FF", b"@253ACKSET;FF"],
    ),
    "shaker": (
        BioShake,
        None,
        [lambda d: d.read_shaker(), lambda d: d.shake(10.0), lambda d: d.stop(), lambda d: d.clamp(True)],
        [b"ok\r\n", b"3\r\n", b"600\r\n", b"e\r\n", b"{}\r\n"],
    ),
    "keyence": (keyence.KeyenceBl1300, None, [lambda d: d.read_barcode()], [b"MOTORON\r", b"EV-0042\r", b"ERR99\r"]),
}


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_survives_a_babbling_instrument(name: str) -> None:
    driver, options, acts, good = DRIVERS[name]
    dice = random.Random(name)

    async def run() -> int:
        clock = VirtualClock()
        link = Link(Babbler(clock, dice, good), clock, "babble")

        async def talk() -> int:
            device = driver(link, clock, options)
            typed = 0
            while link.counters.queries < FRAMES:
                began = clock.now()
                try:
                    await dice.choice([lambda d: d.connect(), *acts])(device)
                except VesiflowError as error:
                    typed += 1
                    assert error.device is not None, repr(error)
                assert clock.now() - began < 1200.0
            return typed

        return await clock.spawn(talk(), "talk")

    assert asyncio.run(run()) > 0
