"""Every published byte vector that concerns the emulated model is replayed; the rest is named with its reason."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sim.wire.alicat_pcd import AlicatPcd
from sim.wire.atlas_ezo_ec import EzoEc
from sim.wire.btx_gemini_x2 import BtxGeminiX2
from sim.wire.emulator import Emulator
from sim.wire.eurotherm_modbus import Eurotherm
from sim.wire.gilson_gsioc import GilsonFc203b
from sim.wire.huber import HuberPb
from sim.wire.ismatec_reglo_icc import RegloIcc
from sim.wire.julabo import Julabo
from sim.wire.mettler_sics import MettlerBalance
from sim.wire.mks_937b import Mks937b
from sim.wire.pendotech_pressuremat import PressureMat
from sim.wire.pfeiffer_tpg362 import PfeifferTpg362
from sim.wire.qinstruments_bioshake import BioShake
from sim.wire.sartorius_sbi import SartoriusSbi
from sim.wire.teledyne_ssi import SsiPump
from sim.wire.vici_actuator import ViciActuator

FOLDER = Path(__file__).parent.parent / "data" / "wire"
PSI = 6894.757293168361
TORR = 101325 / 760


class Time:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def bytes_of(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((FOLDER / f"{name}.json").read_text())["vectors"]


def listen(time: Time, emulator: Emulator, patience: float = 2.0) -> bytes:
    end = time.seconds + patience
    heard = emulator.transmit()
    while (due := emulator.due_in()) is not None and time.seconds + due <= end:
        time.seconds += max(due, 1e-6)
        heard += emulator.transmit()
    return heard


def prepared(time: Time, emulator: Emulator, *requests: bytes, wait: float = 0.3) -> Emulator:
    """The emulator after these requests have been sent and answered."""
    for request in requests:
        emulator.receive(request)
        listen(time, emulator)
        time.seconds += wait
    return emulator


def nothing(_: float) -> None:
    """An actuator that is not looked at."""


def pump(time: Time, *requests: bytes, channels: int = 4) -> Emulator:
    return prepared(time, RegloIcc(time, [nothing] * channels), *requests)


def balance(time: Time, *requests: bytes, mass: float = 0.1, **options: Any) -> Emulator:
    return prepared(time, MettlerBalance(time, lambda: mass, lambda: True, **options), *requests)


def menu(time: Time) -> Emulator:
    emulator = MettlerBalance(time, lambda: 0.1, lambda: True)
    emulator.menu_open = True
    return emulator


def sec_pump(time: Time, *requests: bytes, psi: float = 100.0) -> Emulator:
    return prepared(time, SsiPump(time, nothing, lambda: psi * PSI, head="standard"), *requests)


def valve(time: Time, *requests: bytes, **options: Any) -> Emulator:
    return prepared(time, ViciActuator(time, nothing, **options), *requests, wait=3)


def probe(time: Time, *requests: bytes) -> Emulator:
    return prepared(time, EzoEc(time, lambda: 0.1496), b"C,0\r", *requests)


def electroporator(time: Time, *requests: bytes) -> Emulator:
    return prepared(
        time, BtxGeminiX2(time, lambda _: [], lambda: datetime(2026, 3, 6, 14, 36, 11, tzinfo=UTC)), *requests
    )


def with_log(time: Time) -> Emulator:
    jj = vectors("btx_gemini_x2")[2]["reply"].split("\\x0A")[0].encode()
    emulator = BtxGeminiX2(time, lambda _: [(25.0, 1e-3, 50.0)], lambda: datetime(2026, 3, 6, tzinfo=UTC))
    prepared(time, emulator, jj + b"\r\n", b"mend\r\n")
    time.seconds += emulator.press_go("JJ")
    return emulator


def shelf(time: Time, *requests: bytes, **options: Any) -> Emulator:
    return prepared(time, Julabo(time, lambda: 29.45, nothing, nothing, **options), *requests)


def gauge(time: Time, *requests: bytes) -> Emulator:
    return prepared(time, PfeifferTpg362(time, lambda: 10.0, lambda: 8.0, lambda n, on: None), b"\x03", *requests)


def bath(time: Time, *requests: bytes) -> Emulator:
    return prepared(time, HuberPb(time, lambda: 20.0, nothing, nothing), *requests)


def vacuum(time: Time, *requests: bytes) -> Emulator:
    return prepared(time, Mks937b(time, [lambda: 8.0] * 3), *requests)


def monitor(time: Time, p2: float = 0.2) -> Emulator:
    values = (0.0, p2, -0.5, 0.0)
    return PressureMat(time, [lambda v=v: v * PSI for v in values], single_frame=True)


Build = Callable[[Time], Emulator]
OTHER_MODEL = "another model"
REPLAYED: dict[str, list[Build | str]] = {
    "ismatec_reglo_icc": [
        pump,
        lambda t: pump(t, b"1K\r"),
        pump,
        pump,
        pump,
        lambda t: pump(t, b"4S001230\r"),
        lambda t: pump(t, b"4f3250+1\r"),
        lambda t: pump(t, b"2v1300-3\r"),
        pump,
        pump,
        pump,
        lambda t: pump(t, channels=3),
        lambda t: RegloIcc(t, [nothing], rollers=12),
        pump,
        pump,
        pump,
        lambda t: prepared(t, RegloIcc(t, [nothing], full_flow=13.86e-6 / 60 * 0.01), b"1M\r"),
        lambda t: prepared(t, pump(t, b"0xE1\r", b"2O\r", b"2v2000+0\r"), b"2H\r", wait=1.0),
    ],
    "pendotech_pressuremat": [
        "any frame answers",
        lambda t: prepared(t, monitor(t)),
        lambda t: prepared(t, monitor(t)),
        lambda t: prepared(t, PressureMat(t, [lambda v=v: v * PSI for v in (0, 0.2, -0.5)], single_frame=False)),
    ],
    "alicat_pcd": [
        "a mass-flow controller's columns",
        lambda t: AlicatPcd(t, lambda: 8 * PSI, nothing),
        lambda t: AlicatPcd(t, lambda: 8 * PSI, nothing),
    ],
    "mettler_mtsics": [
        balance,
        lambda t: balance(t, mass=7.0),
        "needs a parameter: S x",
        balance,
        "an older balance, without columns",
        "a test's spacing",
        balance,
        "unquoted by a test's balance",
        balance,
        balance,
        menu,
    ],
    "ssi_hplc_pump": [
        sec_pump,
        sec_pump,
        sec_pump,
        lambda t: sec_pump(t, b"UP5000\r", b"FL100\r", b"RU\r"),
        lambda t: sec_pump(t, b"UP0100\r", b"FL100\r", b"RU\r", psi=101.0),
        sec_pump,
        sec_pump,
    ],
    "vici_universal_actuator": [
        valve,
        lambda t: valve(t, b"GO3\r", mode=3),
        lambda t: valve(t, mode=3),
        valve,
        lambda t: valve(t, mode=3),
        lambda t: valve(t, b"DT1000\r"),
    ],
    "gilson_gsioc": [lambda t: GilsonFc203b(t, nothing, nothing)] * 3,
    "atlas_ezo_ec": [probe, probe, probe, probe],
    "btx_gemini_x2": [
        electroporator,
        electroporator,
        with_log,
        electroporator,
        electroporator,
        with_log,
    ],
    "julabo_circulator": [
        lambda t: shelf(t, model="JULABO CRYOCOMPACT CF31 VERSION 5.0"),
        lambda t: shelf(t, b"OUT_MODE_05 1\r"),
        shelf,
        lambda t: shelf(t, b"OUT_MODE_05 1\r"),
        shelf,
        shelf,
        lambda t: shelf(t, b"OUT_SP_00 300\r"),
        lambda t: shelf(t, b"OUT_SP_03 100\r", b"OUT_SP_00 150\r"),
        lambda t: shelf(t, b"A032_OUT_SP_00 55.5\r", address=32, decimals=1, line_end=b"\n"),
    ],
    "pfeiffer_tpg": [
        gauge,
        OTHER_MODEL,
        OTHER_MODEL,
        gauge,
        OTHER_MODEL,
        gauge,
        gauge,
        gauge,
        gauge,
    ],
    "huber": [
        bath,
        lambda t: bath(t, b"{M0004DA\r\n"),
        "a test's address",
        bath,
        bath,
    ],
    "mks_937b": [
        lambda t: Mks937b(t, [lambda: 760.2 * TORR], address=3, full_scale=1000 * TORR),
        "an ion gauge's range and lower case",
        vacuum,
        vacuum,
        lambda t: vacuum(t, b"@253SD3!ABOVE;FF"),
        vacuum,
    ],
    "qinstruments_bioshake": [BioShake, BioShake, BioShake],
    "sartorius_sbi": [
        lambda t: SartoriusSbi(t, lambda: 0.0521874, lambda: True, decimals=4),
        lambda t: SartoriusSbi(t, lambda: 0.0, lambda: True),
        lambda t: SartoriusSbi(t, lambda: 7.0, lambda: True),
    ],
    "eurotherm_modbus_rtu": [lambda t: Eurotherm(t, lambda: 0.0), lambda t: Eurotherm(t, lambda: 0.0)],
}

CASES = [
    pytest.param(name, number, build, id=f"{name}-{number}")
    for name, builds in REPLAYED.items()
    for number, build in enumerate(builds)
    if not isinstance(build, str)
]


@pytest.mark.parametrize("name", REPLAYED)
def test_no_vector_is_forgotten(name):
    assert len(vectors(name)) == len(REPLAYED[name])


@pytest.mark.parametrize(("name", "number", "build"), CASES)
def test_vector(name, number, build):
    vector = vectors(name)[number]
    time = Time()
    emulator = build(time)
    if "steps" in vector:
        replay_steps(time, emulator, vector["steps"], selects=number > 0)
        return
    if vector["send"] is not None:
        emulator.receive(bytes_of(vector["send"]))
    elif "kind" in vector:
        emulator.receive(b"AZK\r\n")
    heard = listen(time, emulator)
    if "reply_regex" in vector:
        assert re.search(vector["reply_regex"], heard.decode("latin-1"))
    elif "kind" in vector:
        assert bytes_of(vector["reply"]) in heard
    else:
        assert heard == bytes_of(vector["reply"] or "")


def replay_steps(time: Time, emulator: Emulator, steps: list[list[str]], *, selects: bool) -> None:
    """A byte by byte dialogue; commands after the first vector need unit 6 selected."""
    if selects:
        prepared(time, emulator, b"\xff\x86")
    for host, device in steps:
        emulator.receive(bytes_of(host))
        assert listen(time, emulator) == bytes_of(device)
