"""Every request that a codec can build, sent to the emulator written from the same manual: it answers, and the codec
reads the answer. Neither side has seen the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devices.drivers import alicat_pcd as alicat
from devices.drivers import atlas_ezo_ec as ezo
from devices.drivers import gilson_gsioc as gilson
from devices.drivers import huber, julabo
from devices.drivers import ismatec_codec as ismatec
from devices.drivers import mettler_sics as mettler
from devices.drivers import mks_937b as mks
from devices.drivers import pfeiffer_tpg362 as tpg
from devices.drivers import sartorius_sbi as sartorius
from devices.drivers import ssi_codec as ssi
from devices.drivers import vici_actuator as vici
from devices.drivers import watson_marlow_323 as watson
from sim.wire import (
    alicat_pcd,
    atlas_ezo_ec,
    gilson_gsioc,
    ismatec_reglo_icc,
    mettler_sics,
    mks_937b,
    pfeiffer_tpg362,
    sartorius_sbi,
    teledyne_ssi,
    vici_actuator,
    watson_marlow_323,
)
from sim.wire import huber as huber_emulator
from sim.wire import julabo as julabo_emulator
from sim.wire.emulator import Emulator
from vesiflow.errors import DeviceFault

PATIENCE = 20.0  # s: MT-SICS waits for stability


class Time:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def heard(time: Time, emulator: Emulator, request: bytes, patience: float = 2.0) -> bytes:
    """What the emulator says to `request` within `patience` s."""
    emulator.receive(request)
    end, said = time.seconds + patience, emulator.transmit()
    while (due := emulator.due_in()) is not None and time.seconds + due <= end:
        time.seconds += max(due, 1e-6)
        said += emulator.transmit()
    return said


def act(value: float) -> None:
    """Nothing."""


Case = tuple[str, Callable[[Time], Emulator], bytes, Callable[[bytes], Any] | None, Any]
"""Name, emulator, request, decoder (None: silence is right), expected value (ANY: whatever decodes)."""
ANY = object()


def _reglo(time: Time) -> Emulator:
    return ismatec_reglo_icc.RegloIcc(time, [act] * 4)


def _ismatec() -> Iterator[Case]:
    for name in ismatec.READS:
        if name == "failure":  # only after a refused start
            continue
        decode = lambda reply, name=name: ismatec.decode(name, reply)  # noqa: E731
        yield f"ismatec read {name}", _reglo, ismatec.encode_read(1, name), decode, ANY
    arguments = {"bool": 1, "rpm": 45.75, "volume": 2.75, "time": 30, "count": 12, "tubing": 1.52, "direction": "K"}
    for name, (_, kind) in ismatec.SETS.items():
        if name == "calibration measured":  # only after a calibration run
            continue
        yield f"ismatec set {name}", _reglo, ismatec.encode_set(1, name, arguments[kind]), _taken, ANY
    for name in ismatec.ACTIONS:
        yield f"ismatec {name}", _reglo, ismatec.encode_action(1, name), _taken, ANY
    yield "ismatec address", _reglo, ismatec.encode_address(3), _taken, ANY
    predict = ismatec.encode_predict(1, 10.0, flow=5.0)
    yield "ismatec predict", _reglo, predict, lambda reply: ismatec.decode("run time", reply), 120.0


def _taken(reply: bytes) -> None:
    assert reply.strip() and not reply.startswith(b"#"), reply
    assert ismatec.frame(reply) == len(reply)


def _ssi_pump(time: Time) -> Emulator:
    return teledyne_ssi.SsiPump(time, act, lambda: 5e5, head="standard")


def _ssi() -> Iterator[Case]:
    named = {"maximum flow", "maximum pressure", "upper limit", "lower limit", "flow compensation", "strokes", "leak"}
    for name, (_, fields) in ssi.READS.items():
        decode: Callable[[bytes], Any] = lambda reply, fields=fields: ssi.decode(reply, fields)  # noqa: E731
        if name in named:
            decode = lambda reply, name=name: ssi.decode_named(reply, name)  # noqa: E731
        yield f"ssi read {name}", _ssi_pump, ssi.encode_read(name), decode, ANY
    sets = [ssi.encode_action(name) for name in ssi.ACTIONS]
    sets += [ssi.encode_flow(0.75, 2), ssi.encode_flow(10.0, 2), ssi.encode_flow_integer(0.75, 2)]
    sets += [ssi.encode_limit("upper", 435), ssi.encode_limit("lower", 10), ssi.encode_compensation(1000)]
    sets += [ssi.encode_head(1), ssi.encode_flow_compensation(98.5), ssi.encode_leak_mode(1), ssi.encode_solvent(2)]
    for request in sets:
        yield f"ssi {request!r}", _ssi_pump, request, ssi.decode_done, None
    yield "ssi status", _ssi_pump, b"CS\r", lambda reply: ssi.decode_report(reply).decimals, 2
    yield "ssi faults", _ssi_pump, b"RF\r", lambda reply: ssi.decode_faults(reply).text, ""
    yield "ssi information", _ssi_pump, b"PI\r", ssi.decode_information, (False, ssi.Faults(False, False, False))
    yield "ssi compensation", _ssi_pump, b"UC\r", ssi.decode_flow_compensation, 100.0


def _balance(time: Time) -> Emulator:
    return mettler_sics.MettlerBalance(time, lambda: 0.1174, lambda: True)


def _mettler() -> Iterator[Case]:
    weights = {"stable weight", "weight"}
    for name, code in mettler.COMMANDS.items():
        if name in ("stream", "adjust", "show text"):
            continue  # endless; a minute and a half; needs its text
        decode: Callable[[bytes], Any] = lambda reply, name=name: mettler.decode_done(reply, name)  # noqa: E731
        if name in weights:
            decode = mettler.decode_weight
        elif code in ("T", "TI", "TA"):
            decode = mettler.decode_tare
        elif code == "I0":
            decode = mettler.decode_commands
        elif code.startswith("I") or code == "@":
            ids = mettler.REPLY_ID.get(code, code)
            decode = lambda reply, ids=ids: mettler.decode_words(reply, ids)  # noqa: E731
        yield f"mettler {name}", _balance, mettler.encode(name), decode, ANY
    preset = mettler.encode_preset_tare(0.1, "g", 2)
    yield "mettler preset tare", _balance, preset, mettler.decode_tare, pytest.approx(0.1)
    show = mettler.encode_text("hello")
    yield "mettler show text", _balance, show, lambda reply: mettler.decode_done(reply, "show text"), None


def _controller(time: Time) -> Emulator:
    return alicat_pcd.AlicatPcd(time, lambda: 2e5, act)


def _alicat() -> Iterator[Case]:
    def line(decode: Callable[[str, str], Any]) -> Callable[[bytes], Any]:
        return lambda reply: decode(reply.decode().strip(), "A")

    def columns(reply: bytes) -> list[alicat.Column]:
        return alicat.decode_columns(reply.decode().split("\r"))

    def frame(reply: bytes) -> Any:
        time = Time()
        table = columns(heard(time, _controller(time), alicat.encode("A", "columns")))
        return alicat.decode_frame(reply.decode().strip(), "A", table)

    for name in ("poll", "hold", "hold closed", "cancel hold", "tare", "tare absolute", "lock display",
                 "unlock display"):  # fmt: skip
        yield f"alicat {name}", _controller, alicat.encode("A", name), frame, ANY
    yield "alicat set", _controller, alicat.encode_setpoint("A", 8.5, 2), frame, ANY
    loop = alicat.encode("A", "set-point", " 8.5")
    yield "alicat loop", _controller, loop, line(alicat.decode_loop), (8.5, 8.5, "PSIG")
    yield "alicat source", _controller, alicat.encode("A", "source"), line(alicat.decode_source), "S"
    yield "alicat firmware", _controller, alicat.encode("A", "firmware"), line(alicat.decode_firmware), "10v20.0-R24"
    full = alicat.encode("A", "full scale", " 6")
    yield "alicat full scale", _controller, full, line(alicat.decode_full_scale), (30.0, "PSIG")
    yield "alicat columns", _controller, alicat.encode("A", "columns"), columns, ANY
    made = alicat.encode("A", "manufacture")
    yield (
        "alicat maker",
        _controller,
        made,
        lambda r: alicat.decode_manufacture(r.decode().split("\r")).vendor,
        "Alicat",
    )


def _valve(mode: int) -> Callable[[Time], Emulator]:
    return lambda time: vici_actuator.ViciActuator(time, act, mode=mode, ports=10)


def _vici() -> Iterator[Case]:
    for name in vici.QUERIES:
        decode: Callable[[bytes], Any] = bool
        if name == "position":
            decode = vici.decode_position
        elif name in ("mode", "ports", "delay", "count"):
            decode = lambda reply, name=name: vici.decode_number(reply, name)  # noqa: E731
        mode = 1 if name == "delay" else 3
        yield f"vici {name}", _valve(mode), vici.encode_query(name), decode, ANY
    silent = [vici.encode_move("3"), vici.encode_directed_move(4, True), vici.encode_home(), vici.encode_direction("F")]
    silent += [vici.encode_set(name, allowed[1]) for name, (_, allowed) in vici.SETS.items() if name != "response mode"]
    silent += [vici.encode_turn(True), vici.encode_baud(9600), vici.encode_id("5"), vici.encode_id("")]
    for request in silent:
        yield f"vici {request!r}", _valve(3), request, None, None


def _circulator(time: Time) -> Emulator:
    return julabo_emulator.Julabo(time, lambda: 20.0, act, act)


def _julabo() -> Iterator[Case]:
    for what in julabo.READS:
        decode: Callable[[str], Any] = float
        if what == "version":
            decode = julabo.decode_version
        elif what == "external":
            decode = julabo.decode_temperature  # no Pt100 is plugged in
        elif what == "status":
            decode = julabo.decode_status
        read = lambda reply, decode=decode: decode(julabo.decode_line(reply))  # noqa: E731
        yield f"julabo {what}", _circulator, julabo.encode_read(what), read, ANY
    for what, value in (
        ("setpoint", -37.5),
        ("high_warning", 60.0),
        ("low_warning", -50.0),
        ("pump_stage", 2),
        ("mode", 1),
    ):
        yield f"julabo set {what}", _circulator, julabo.encode_set(what, value), None, None


def _gauges(time: Time) -> Emulator:
    return pfeiffer_tpg362.PfeifferTpg362(time, lambda: 12.8, lambda: 8.0, lambda relay, on: None)


def _tpg() -> Iterator[Case]:
    decoders: dict[str, Callable[[bytes], Any]] = {
        "PR1": tpg.decode_pressures, "PR2": tpg.decode_pressures, "PRX": tpg.decode_pressures, "UNI": tpg.decode_unit,
        "TID": tpg.decode_types, "SEN": lambda r: tpg.decode_integers(r, 2), "ERR": tpg.decode_error,
        "AYT": tpg.decode_identity, "PNR": tpg.decode_fields, "FIL": lambda r: tpg.decode_integers(r, 2),
        "OFC": lambda r: tpg.decode_integers(r, 2), "OFD": tpg.decode_numbers, "SPS": tpg.decode_switches,
        **{f"SP{n}": tpg.decode_threshold for n in range(1, 5)},
    }  # fmt: skip
    settings: list[tuple[str, tuple[int | float, ...]]] = [
        ("UNI", (1,)), ("SEN", (0, 0)), ("FIL", (1, 1)), ("OFC", (0, 1)), ("OFD", (0.0, 0.0)), ("SP1", (2, 0.07, 0.09)),
    ]  # fmt: skip
    for name, parameters in [*((name, ()) for name in decoders), *settings]:
        decode = lambda reply, name=name: decoders[name](_data(reply))  # noqa: E731
        yield f"tpg {name}{parameters or ''}", _gauges, tpg.encode(name, *parameters), decode, ANY


def _data(reply: bytes) -> bytes:
    """What ENQ brought behind the ACK."""
    acknowledged, data = reply.split(b"\r\n", 1)
    assert tpg.decode_acknowledge(acknowledged), reply
    return data


def _mks_unit(time: Time) -> Emulator:
    return mks_937b.Mks937b(time, [lambda: 12.8, None, lambda: 8.0], piranis=(1,))


def _mks() -> Iterator[Case]:
    for name in (
        "PR1",
        "PR3",
        "PRZ",
        "CP1",
        "U",
        "SN",
        "MD",
        "MT",
        "FV1",
        "SP5",
        "SH5",
        "SD5",
        "EN5",
        "SS5",
        "AD",
        "BR",
    ):
        yield f"mks {name}", _mks_unit, mks.encode(253, name), lambda reply: mks.decode(reply, 253), ANY
    for name, value in (("U", "MICRON"), ("SP5", "7.50E-2"), ("SH5", "8.00E-2"), ("SD5", "BELOW"), ("EN5", "ENABLE")):
        yield f"mks set {name}", _mks_unit, mks.encode(253, name, value), lambda reply: mks.decode(reply, 253), ANY


def _huber_unit(time: Time) -> Emulator:
    return huber_emulator.HuberPb(time, lambda: 20.0, act, act)


def _huber() -> Iterator[Case]:
    for name, address in huber.ADDRESSES.items():
        decode = lambda reply, address=address: huber.decode_pb(reply, address)  # noqa: E731
        yield f"huber {name}", _huber_unit, huber.encode_pb(address), decode, ANY
    set_point = huber.encode_pb(0x00, huber.encode_temperature(-50.0))
    yield "huber set", _huber_unit, set_point, lambda r: huber.decode_temperature(huber.decode_pb(r, 0)), -50.0
    yield "huber verify", _huber_unit, huber.encode_lai("V"), lambda r: huber.decode_lai(r, "V"), "Huber Control"


def _sbi(time: Time) -> Emulator:
    return sartorius_sbi.SartoriusSbi(time, lambda: 0.1174, lambda: True)


def _sartorius() -> Iterator[Case]:
    for name, code in sartorius.COMMANDS.items():
        decode: Callable[[bytes], Any] | None = None
        if code == "P":
            decode = sartorius.decode_weight
        elif code.startswith("x"):
            decode = sartorius.decode_text
        yield f"sartorius {name}", _sbi, sartorius.encode(name), decode, ANY


def _circuit(time: Time) -> Emulator:
    emulator = atlas_ezo_ec.EzoEc(time, lambda: 0.15)
    heard(time, emulator, ezo.encode("C,0"))
    return emulator


def _ezo() -> Iterator[Case]:
    def lines(decode: Callable[[str], Any] | None) -> Callable[[bytes], Any]:
        def read(reply: bytes) -> Any:
            *data, last = [ezo.decode_line(line) for line in reply.split(b"\r")[:-1]]
            assert last == "*OK", reply
            return decode(data[0]) if decode else data

        return read

    for text in ("C,0", "C,5", "*OK,1", "O,TDS,1", "T,19.5", "K,1.0", "Cal,dry", "Cal,clear", "Name,bench", "L,1"):
        yield f"ezo {text}", _circuit, ezo.encode(text), lines(None), []
    for text, name in (("C,?", "C"), ("*OK,?", "*OK"), ("O,?", "O"), ("T,?", "T"), ("K,?", "K"), ("Cal,?", "Cal")):
        decode = lambda line, name=name: ezo.decode_query(line, name)  # noqa: E731
        yield f"ezo {text}", _circuit, ezo.encode(text), lines(decode), ANY
    yield "ezo status", _circuit, ezo.encode("Status"), lines(ezo.decode_status), ("power", 5.02)
    yield "ezo i", _circuit, ezo.encode("i"), lines(ezo.decode_identity), ANY


def _drive(time: Time) -> Emulator:
    return watson_marlow_323.WatsonMarlow323(time, act)


def _watson() -> Iterator[Case]:
    for request in (watson.encode_speed(1, 110), *(watson.encode_action(1, name) for name in watson.ACTIONS)):
        yield f"watson {request!r}", _drive, request, lambda reply, request=request: reply == request or 1 / 0, True

    def after_echo(request: bytes, decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        return lambda reply: decode(reply.removeprefix(request))

    status, running = watson.encode_status(1), watson.encode_running(1)
    yield "watson status", _drive, status, after_echo(status, lambda r: watson.decode_status(r).model), "323Du"
    yield "watson running", _drive, running, after_echo(running, watson.decode_running), False


CASES = [
    case
    for cases in (_ismatec, _ssi, _mettler, _alicat, _vici, _julabo, _tpg, _mks, _huber, _sartorius, _ezo, _watson)
    for case in cases()
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_every_command_is_answered_and_read(case: Case) -> None:
    name, make, request, decode, expected = case
    time = Time()
    emulator = make(time)
    reply = heard(time, emulator, request, PATIENCE if name.startswith("mettler") else 2.0)
    if name.startswith("tpg"):
        reply += heard(time, emulator, tpg.ENQ)
    if decode is None:
        assert reply == b""
        return
    value = decode(reply)
    assert expected is ANY or value == expected


def test_the_reason_of_a_refused_start_is_read() -> None:
    time = Time()
    pump = _reglo(time)
    assert heard(time, pump, ismatec.encode_action(1, "flow")) == b"*"
    assert heard(time, pump, ismatec.encode_action(1, "start")) == b"-"
    cause = ismatec.decode("failure", heard(time, pump, ismatec.encode_read(1, "failure")))
    assert str(cause).startswith("R ")


BUFFERED = [
    gilson.encode_tube(42), gilson.encode_move("X", 12.3), gilson.encode_move("Y", 0.0), gilson.encode_diverter(1),
    gilson.encode_keypad(True), gilson.encode_display("hello"), gilson.encode_beep(0.5), gilson.encode_motors(1, 0),
]  # fmt: skip


@pytest.mark.parametrize("text", BUFFERED)
def test_every_buffered_command_of_gsioc_is_echoed(text: str) -> None:
    time = Time()
    emulator = gilson_gsioc.GilsonFc203b(time, act, act)
    assert heard(time, emulator, gilson.DROP, 0.1) == b""
    select = gilson.encode_select(6)
    assert heard(time, emulator, select, 0.1) == select
    for byte in b"\n" + text.encode("ascii") + b"\r":
        assert heard(time, emulator, bytes([byte]), 0.1) == bytes([byte])


def test_an_unknown_command_is_a_fault_where_the_instrument_says_so() -> None:
    time = Time()
    for emulator, request, decode in (
        (_balance(time), b"M99\r\n", mettler.decode_weight), (_ssi_pump(time), b"XX\r", ssi.decode_done),
        (_reglo(time), b"1q\r", lambda reply: ismatec.decode("flow", reply)),
    ):  # fmt: skip
        with pytest.raises(DeviceFault):
            decode(heard(time, emulator, request))
