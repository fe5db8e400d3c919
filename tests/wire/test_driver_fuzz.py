"""Malformed, truncated and glued answers: a codec returns a value or a typed error, and so does a whole driver.

The seed is fixed; set VESIFLOW_FUZZ to the number of frames per driver for a long run.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from devices.drivers import alicat_pcd as alicat
from devices.drivers import gilson_gsioc as gilson
from devices.drivers import ismatec_codec as ismatec
from devices.drivers import mettler_sics as mettler
from devices.drivers import pendotech_pressuremat as pressuremat
from devices.drivers import sartorius_sbi as sartorius
from devices.drivers import ssi_codec as ssi
from devices.drivers import vici_actuator as vici
from devices.drivers import watson_marlow_323 as watson
from devices.drivers.ismatec_reglo_icc import RegloIcc
from devices.drivers.teledyne_ssi import TeledyneSsi
from devices.link import Link
from vesiflow.clock import VirtualClock
from vesiflow.errors import VesiflowError

FRAMES = int(os.environ.get("VESIFLOW_FUZZ", "300"))

ROW = b"AZ,00000.01,4,        0.0,        0.0,       12.3,       12.3,01734,X,X,X,X,X,F6"
COLUMNS = [alicat.Column(6, "p", 2, "PSIG", False), alicat.Column(38, "s", 2, "PSIG", False)]
CODECS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "watson status": (watson.decode_status, [b"323Du 110 CW 1 !", b"620Du 15.84 620R 9.6MM 220.0 CW P/N 1 12 1 !"]),
    "reglo flow": (lambda data: ismatec.decode("flow", data), [b"3250E+1\r\n", b"#"]),
    "reglo total": (lambda data: ismatec.decode("total", data), [b"12.5 mL\r\n"]),
    "reglo event": (ismatec.decode_event, [b"^X2|A\r\n", b"^U3|A|0000000012|0000001500|0002\r\n"]),
    "pressuremat": (pressuremat.decode_frames, [b"\x10\x02" + ROW + b"\r\n" + ROW + b"\x10\x03"]),
    "alicat frame": (
        lambda data: alicat.decode_frame(data.decode("latin-1"), "A", COLUMNS), [b"A +008.42 +008.50 HLD"],
    ),
    "alicat columns": (
        lambda data: alicat.decode_columns(data.decode("latin-1").split("\r")),
        [b"A D02 006 Gauge Press                s decimal     7/2 010 02 PSIG\r"],
    ),
    "alicat manufacture": (
        lambda data: alicat.decode_manufacture(data.decode("latin-1").split("\r")), [b"A  M04 Model Number PCD\r"],
    ),
    "mettler weight": (mettler.decode_weight, [b"S S     100.00 g\r\n", b"S +\r\n", b"S S Error 10b\r\n"]),
    "mettler tare": (mettler.decode_tare, [b"TA A 2.486 g\r\n", b"T S 2.486 g\r\n"]),
    "mettler text": (lambda data: mettler.decode_text(data, "I4"), [b'I4 A "B123456789"\r\n']),
    "ssi status": (ssi.decode_report, [b"OK,1.00,5000,0,PSI,0,1,0/"]),
    "ssi faults": (ssi.decode_faults, [b"OK,0,1,0/"]),
    "ssi pressure": (ssi.decode_pressure_flow, [b"OK,100,1.00/", b"Er/"]),
    "ssi information": (ssi.decode_information, [b"OK,1.00,1,10,S10S,0,1,0,0,1,0,0,1,0,0,0,0,0/"]),
    "vici position": (vici.decode_position, [b"CPA\r", b"Position is = A\r", b"CP03\r"]),
    "vici count": (lambda data: vici.decode_number(data, "count"), [b"CNT12\r"]),
    "gilson reply": (lambda data: gilson.decode_tube(gilson.decode_immediate(data)), [b"04\xb2"]),
    "gilson axis": (lambda data: gilson.decode_axis(data.decode("latin-1")), [b"XS0123"]),
    "sartorius": (sartorius.decode_weight, [b"N     +  52.1874 g  \r\n", b"Stat        High    \r\n"]),
}  # fmt: skip


def spoil(dice: random.Random, good: bytes) -> bytes:
    """One of the ways an answer goes wrong."""
    data = bytearray(good)
    way = dice.randrange(8)
    if way == 0:
        return bytes(data[: dice.randrange(len(data))])
    if way == 1:
        return bytes(data + data)
    if way == 2:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(1, 40)))
    if way == 3:
        return b"\r\n" * dice.randrange(3) + bytes(data) + bytes([dice.randrange(256)])
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data))
        if way == 4:
            data[at] = dice.randrange(256)
        elif way == 5:
            data.insert(at, dice.choice(b"0123456789+-.,eE \r\n\x10\x02\x03naif\xb2\xff"))
        elif way == 6 and len(data) > 1:
            del data[at]
        else:
            data[at] ^= 1 << dice.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_returns_a_value_or_a_typed_error(name: str) -> None:
    decode, good = CODECS[name]
    dice = random.Random(name)
    for sample in good:
        for _ in range(FRAMES):
            try:
                decode(spoil(dice, sample))
            except VesiflowError as error:
                assert "\r" not in str(error) and "\n" not in str(error)


class Babbler:
    """A transport that answers every request with a spoilt answer: at once, split, late or not at all."""

    url = "babble://"
    blocks = False
    lost = False

    def __init__(self, clock: VirtualClock, dice: random.Random, good: list[bytes]) -> None:
        self._clock, self._dice, self._good = clock, dice, good
        self._pending: list[tuple[float, bytes]] = []

    async def write(self, data: bytes) -> None:
        answer = spoil(self._dice, self._dice.choice([*self._good, data]))
        due = self._clock.now() + self._dice.choice([0.0, 0.01, 0.4, 1.5])
        cut = self._dice.randrange(len(answer) + 1)
        self._pending += [(due, answer[:cut]), (due + self._dice.choice([0.0, 0.05]), answer[cut:])]
        self._pending.sort(key=lambda item: item[0])

    async def read(self, patience: float) -> bytes:
        self._pending = [item for item in self._pending if item[1]]
        wait = self._pending[0][0] - self._clock.now() if self._pending else patience + 1.0
        await self._clock.sleep(min(max(wait, 0.0), patience))
        return self._pending.pop(0)[1] if wait <= patience else b""

    async def discard_input(self) -> bytes:
        now = self._clock.now()
        gone = b"".join(data for due, data in self._pending if due <= now)
        self._pending = [item for item in self._pending if item[0] > now]
        return gone

    async def reopen(self) -> None:
        """Never lost."""

    async def close(self) -> None:
        self._pending.clear()


async def _positions(device: vici.ViciActuator) -> None:
    await device.role("valve", positions={"load": "A", "inject": "B"}).move_to("inject")


WM = watson.WatsonMarlow323Options.model_validate({"tubing": {"volume_per_rev": "1.5 mL"}})
DRIVERS: dict[str, tuple[Any, Any, list[Callable[[Any], Awaitable[object]]], list[bytes]]] = {
    "watson": (
        watson.WatsonMarlow323, WM, [lambda d: d.set_flow(1e-6), lambda d: d.start(), lambda d: d.read_pump()],
        [b"1RS\r323Du 40 CW 1 !", b"1SP40\r", b"1GO\r"],
    ),
    "reglo": (
        RegloIcc, None, [lambda d: d.role("pump", channel=2).start(), lambda d: d.role("pump", channel=1).read_pump()],
        [b"*", b"+", b"-", b"M\r\n", b"3250E+1\r\n", b"REGLO ICC 0208 306\r\n", b"^X2|A\r\n"],
    ),
    "pressuremat": (
        pressuremat.PressureMat, None, [lambda d: d.read_pressures()],
        [b"\x10\x02" + ROW + b"\r\n" + ROW + b"\x10\x03"],
    ),
    "alicat": (
        alicat.AlicatPcd, None, [lambda d: d.connect(), lambda d: d.read_pressure(), lambda d: d.set_pressure(1e5)],
        [b"A +008.42 +008.50\r", b"A  M04 Model Number PCD\r\r", b"A D02 006 P  s decimal 7/2 010 02 PSIG\r\r"],
    ),
    "mettler": (
        mettler.MettlerSics, None, [lambda d: d.read_mass(), lambda d: d.tare()],
        [b"S S     100.00 g\r\n", b"T S 100.00 g\r\n", b"TA A 100.00 g\r\n", b'I4 A "B1"\r\n', b"ES\r\n"],
    ),
    "ssi": (
        TeledyneSsi, None, [lambda d: d.set_flow(1e-8), lambda d: d.start(), lambda d: d.read_pressure()],
        [b"OK/", b"OK,1.00,5000,0,PSI,0,1,0/", b"OK,0,0,0/", b"OK,100,1.00/", b"Er/", b"OK,v3/"],
    ),
    "vici": (vici.ViciActuator, None, [_positions], [b"CPA\r", b"CPB\r", b"CNT12\r", b"AM1\r"]),
    "gilson": (
        gilson.GilsonFc203b, None, [lambda d: d.read_tube(), lambda d: d.collect(True), lambda d: d.go_to(5)],
        [b"\x86", b"\n", b"V", b"\xb2", b"0", b"#", b"\r"],
    ),
    "sartorius": (
        sartorius.SartoriusSbi, None, [lambda d: d.read_mass(), lambda d: d.tare()],
        [b"N     +   0.0000 g  \r\n", b"Stat        High    \r\n"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_survives_a_babbling_instrument(name: str) -> None:
    driver, options, acts, good = DRIVERS[name]
    dice = random.Random(name)

    async def run() -> tuple[int, int]:
        clock = VirtualClock()
        transport = Babbler(clock, dice, good)
        link = Link(transport, clock, "babble")

        async def talk() -> tuple[int, int]:
            device = driver(link, clock, options)
            calls, typed = 0, 0
            while link.counters.queries < FRAMES:
                calls += 1
                began = clock.now()
                try:
                    await dice.choice([lambda d: d.connect(), *acts])(device)
                except VesiflowError as error:
                    typed += 1
                    assert error.device is not None, repr(error)
                assert clock.now() - began < 300.0
            return calls, typed

        return await clock.spawn(talk(), "fuzz")

    calls, typed = asyncio.run(run())
    assert 0 < typed <= calls
