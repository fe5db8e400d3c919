import math
import struct

import pytest
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from sim.wire.eurotherm_modbus import Eurotherm
from sim.wire.modbus import ModbusServer, crc16, float_words, signed
from sim.wire.modbus_adc import ModbusAdc


def rtu(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc16(body)


@pytest.fixture
def signal():
    return {"au": 0.03725}


@pytest.fixture
def adc(time, signal):
    return ModbusAdc(time, lambda: signal["au"], unit_id=5)


@pytest.fixture
def oven():
    return {"degC": -40.5, "set": []}


@pytest.fixture
def controller(time, oven):
    return Eurotherm(time, lambda: oven["degC"], unit_id=17, setpoint=oven["set"].append)


def test_crc_and_words():
    assert crc16(bytes.fromhex("050300000002")) == bytes.fromhex("C58F")
    assert struct.pack(">HH", *float_words(37.25)) == bytes.fromhex("42150000")
    assert [signed(0xFE6B), signed(5)] == [-405, 5]


def test_absorbance_as_composed_in_the_definition(host, adc):
    assert host.ask(adc, bytes.fromhex("050300000002C58F")) == bytes.fromhex("050304421500 00BA4F".replace(" ", ""))


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_an_independent_codec_reads_it(time, host, signal, framing):
    adc = ModbusAdc(time, lambda: signal["au"], framing=framing, unit_id=1)
    framer = (FramerRTU if framing == "rtu" else FramerSocket)(DecodePDU(False))
    request = framer.buildFrame(ReadHoldingRegistersRequest(address=0, count=2, dev_id=1, transaction_id=7))
    _, reply = framer.handleFrame(host.ask(adc, request), 1, 7)
    types = ModbusClientMixin.DATATYPE
    assert ModbusClientMixin.convert_from_registers(reply.registers, types.FLOAT32) == pytest.approx(37.25)


def test_clipping_autozero_and_lost_signal(host, adc, signal):
    def milli():
        return struct.unpack(">f", host.ask(adc, rtu("050300000002"))[3:7])[0]

    signal["au"] = 3.0
    assert milli() == 2500
    signal["au"] = 0.010
    adc.press_autozero()
    assert milli() == pytest.approx(0)
    adc.power_cycle()
    assert milli() == pytest.approx(10)
    signal["au"] = math.nan
    assert math.isnan(milli())


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("050300020001", 2),
        ("050300010002", 2),
        ("050300000000", 3),
        ("05030000007E", 3),
        ("050400000002", 1),
        ("050600000001", 1),
        ("050100000001", 1),
    ],
)
def test_exceptions(host, adc, request_, code):
    function = int(request_[2:4], 16)
    assert host.ask(adc, rtu(request_)) == rtu(f"05{function | 0x80:02X}{code:02X}")


def test_foreign_unit_and_bad_crc_are_silence(host, adc):
    assert host.ask(adc, rtu("060300000002")) == b""
    assert host.ask(adc, bytes.fromhex("050300000002C58E")) == b""
    assert host.ask(adc, rtu("050300000002")) != b""


def test_incomplete_frame_is_forgotten_when_the_line_falls_silent(host, time, adc):
    frame = rtu("050300000002")
    host.ask(adc, frame[:5])
    assert host.ask(adc, frame[5:]) != b""
    host.ask(adc, frame[:5])
    time.wait(0.1)
    assert host.ask(adc, frame) != b""


def test_optional_registers_and_device_failure(time, host, signal):
    adc = ModbusAdc(time, lambda: signal["au"], status_address=10, counter_address=11)
    adc.status = 3
    time.wait(2)
    assert host.ask(adc, rtu("0103000A0002")) == rtu("01030400030014")
    adc.server.failure = 4
    assert host.ask(adc, rtu("010300000002")) == rtu("018304")


def test_framing_is_checked(time):
    with pytest.raises(ValueError, match="rtu or tcp"):
        ModbusAdc(time, lambda: 0.0, framing="ascii")


def test_tcp_frames_may_come_in_pieces_and_garbage_is_dropped(time):
    server = ModbusServer(time, "tcp", 1, lambda function, address: address)
    frame = bytes.fromhex("000100000006010300050001")
    assert server.feed(frame[:4]) == [] and server.feed(frame[4:]) == [bytes.fromhex("0001000000050103020005")]
    assert server.feed(b"garbage!" + frame) == []
    assert len(server.feed(frame + frame)) == 2
    assert server.feed(bytes.fromhex("000100000006020300050001")) == []


def test_process_value_and_remote_set_point(host, controller, oven):
    assert host.ask(controller, bytes.fromhex("110300010001D75A")) == bytes.fromhex("110302FE6B7808")
    write = bytes.fromhex("1106001AFEA26B44")
    assert host.ask(controller, write) == write
    assert oven["set"][-1] == 0.0
    host.ask(controller, rtu("110601140001"))
    assert oven["set"][-1] == -35.0
    assert host.ask(controller, rtu("110300050001")) == rtu("110302FEA2")


def test_set_points_live_in_the_eeprom(host, controller, oven):
    host.ask(controller, rtu("110600020064"))
    host.ask(controller, rtu("1106000F0001"))
    host.ask(controller, rtu("1110001800020400C800D2"))
    assert controller.eeprom_writes == 4 and oven["set"][-1] == 21.0
    controller.power_cycle()
    assert oven["set"][-1] == 21.0


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("110600010000", 2),
        ("110600050000", 2),
        ("1103FFFF0001", 2),
        ("110300100001", 2),
        ("110600027FFF", 3),
        ("1106000F0002", 3),
        ("1106006F7FFF", 3),
        ("110600637000", 2),
    ],
)
def test_refusals(host, controller, oven, request_, code):
    function = int(request_[2:4], 16)
    assert host.ask(controller, rtu(request_)) == rtu(f"11{function | 0x80:02X}{code:02X}")
    assert oven["set"] == []


def test_malformed_multiple_write(host, controller):
    assert host.ask(controller, rtu("11100018000203" + "00C800")) == rtu("119003")


def test_broken_sensor_reads_above_the_range(host, controller, oven):
    oven["degC"] = math.nan
    assert host.ask(controller, rtu("110300010001")) == rtu("11030207DA")


def test_broadcast_is_done_by_all_and_answered_by_none(host, controller, oven):
    assert host.ask(controller, rtu("000600020064")) == b"" and oven["set"] == [10.0]
