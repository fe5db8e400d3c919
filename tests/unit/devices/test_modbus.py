"""Modbus frames over a link: RTU with CRC, TCP with transaction numbers, and what is not ours."""

import pytest

from devices import modbus
from devices.link import Link
from devices.modbus import Modbus
from devices.testing.scripted import Step, play
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded, NoReply

PV = bytes.fromhex("11 03 00 01 00 01 D7 5A")
PV_IS = bytes.fromhex("11 03 02 FE 6B 78 08")
SP = bytes.fromhex("11 06 00 1A FE A2 6B 44")
TCP_READ = bytes.fromhex("0001 0000 0006 05 03 0000 0002")
TCP_REPLY = bytes.fromhex("0001 0000 0007 05 03 04 42150000")


def rtu(link: Link, clock: Clock) -> Modbus:
    return Modbus(link, "rtu", 0x11)


def test_frames_of_the_manual() -> None:
    assert modbus.encode_read("rtu", 0x11, 0, 1, 1) == PV
    assert modbus.encode_write("rtu", 0x11, 0, 26, [0xFEA2]) == SP
    assert modbus.encode_read("rtu", 5, 0, 0, 2) == bytes.fromhex("05 03 00 00 00 02 C5 8F")
    assert modbus.encode_read("tcp", 5, 1, 0, 2) == TCP_READ
    assert modbus.encode_read("rtu", 1, 0, 1, 1) == bytes.fromhex("01 03 00 01 00 01 D5 CA")
    assert modbus.encode_write("tcp", 1, 7, 2, [1, 2])[7:] == bytes.fromhex("10 0002 0002 04 0001 0002")


@pytest.mark.parametrize(("unit", "address", "count"), [(248, 0, 1), (1, -1, 1), (1, 65536, 1), (1, 0, 0), (1, 0, 126)])
def test_no_such_register(unit: int, address: int, count: int) -> None:
    with pytest.raises(ConfigError):
        modbus.encode_read("rtu", unit, 0, address, count)


def test_signed() -> None:
    assert modbus.signed(0xFE6B) == -405
    assert modbus.unsigned(-350) == 0xFEA2
    with pytest.raises(LimitExceeded):
        modbus.unsigned(40000)


def test_read_and_write() -> None:
    assert play([Step(PV, PV_IS)], lambda link, clock: rtu(link, clock).read(1)) == [0xFE6B]
    play([Step(SP, SP)], lambda link, clock: rtu(link, clock).write(26, 0xFEA2))
    assert play([Step(TCP_READ, TCP_REPLY)], lambda link, clock: Modbus(link, "tcp", 5).read(0, 2)) == [0x4215, 0]


def test_exception_is_a_device_fault_with_code_and_text() -> None:
    reply = bytes.fromhex("11 86 03 03 A4")
    with pytest.raises(DeviceFault, match="exception 03 illegal data value"):
        play([Step(SP, reply)], lambda link, clock: rtu(link, clock).write(26, 0xFEA2))


def test_garbage_and_frames_of_others_before_the_reply_are_passed_over() -> None:
    other = bytes.fromhex("01 03 02 00 00 B8 44")
    for noise in (b"\x00\xff", other, b"\x11\x03\x02\x00"):
        assert play([Step(PV, noise + PV_IS)], lambda link, clock: rtu(link, clock).read(1)) == [0xFE6B]


def test_wrong_crc_is_never_a_reply() -> None:
    with pytest.raises(BadReply):
        play([Step(PV, PV_IS[:-1] + b"\x09")], lambda link, clock: rtu(link, clock).read(1))
    with pytest.raises(NoReply):
        play([Step(PV)], lambda link, clock: rtu(link, clock).read(1))


def test_another_register_echo_is_refused() -> None:
    other = modbus.encode_write("rtu", 0x11, 0, 27, [0xFEA2])
    with pytest.raises(BadReply, match="not to the question"):
        play([Step(SP, other)], lambda link, clock: rtu(link, clock).write(26, 0xFEA2))


def test_late_tcp_reply_is_skipped_by_its_transaction() -> None:
    second = b"\x00\x02" + TCP_READ[2:]
    answer = b"\x00\x02" + bytes.fromhex("0000 0007 05 03 04 00010002")

    async def talk(link: Link, clock: Clock) -> list[int]:
        unit = Modbus(link, "tcp", 5)
        with pytest.raises(NoReply):
            await unit.read(0, 2)
        return await unit.read(0, 2)

    assert play([Step(TCP_READ), Step(second, TCP_REPLY + answer)], talk) == [1, 2]


@pytest.mark.parametrize(
    "reply",
    [
        bytes.fromhex("0001 0000 0005 05 03 02 4215"),  # too few registers
        bytes.fromhex("0001 0000 0006 05 03 04 421500"),  # byte count and length differ
        bytes.fromhex("0001 0001 0007 05 03 04 42150000"),  # not Modbus
        bytes.fromhex("0001 0000 0007 06 03 04 42150000"),  # another unit
        bytes.fromhex("0001 0000 0007 05 04 04 42150000"),  # another function
    ],
)
def test_malformed_tcp(reply: bytes) -> None:
    with pytest.raises(BadReply):
        play([Step(TCP_READ, reply)], lambda link, clock: Modbus(link, "tcp", 5).read(0, 2), chunk=99)
