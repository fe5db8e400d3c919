import pytest

from sim.wire.vici_actuator import ViciActuator


@pytest.fixture
def places():
    return []


@pytest.fixture
def two(time, places):
    return ViciActuator(time, places.append)


@pytest.fixture
def many(time, places):
    return ViciActuator(time, places.append, mode=3, ports=10)


def test_move_takes_its_time_and_counts(host, time, two, places):
    assert host.ask(two, b"CP\r") == b"CPA\r"
    assert host.ask(two, b"GOB\r") == b""
    assert host.ask(two, b"CP\r") == b"CPA\r" and places == []
    time.wait(0.2)
    assert host.ask(two, b"CP\r") == b"CPB\r" and places == [2]
    assert host.ask(two, b"CNT\r") == b"CNT1\r"


def test_where_it_already_stands_is_ignored(host, time, two, places):
    host.ask(two, b"GOA\rCW\r")
    time.wait(1)
    assert host.ask(two, b"CNT\r") == b"CNT0\r" and places == []


@pytest.mark.parametrize(("command", "end"), [(b"CC\r", b"CPB\r"), (b"GO\r", b"CPB\r"), (b"TO\r", b"CPB\r")])
def test_relative_moves(host, time, two, command, end):
    host.ask(two, command)
    time.wait(1)
    assert host.ask(two, b"CP\r") == end


def test_timed_toggle_returns(host, time, two, places):
    host.ask(two, b"TT\r")
    assert places == []
    host.ask(two, b"DT1000\rTT\r")
    time.wait(0.5)
    assert host.ask(two, b"CP\r") == b"CPB\r"
    time.wait(1)
    assert host.ask(two, b"CP\r") == b"CPA\r" and host.ask(two, b"CNT\r") == b"CNT2\r"


def test_multiposition_counts_steps_the_shortest_way(host, time, many, places):
    assert host.ask(many, b"CP\r") == b"CP01\r"
    host.ask(many, b"GO9\r")
    time.wait(0.3)
    many.scan()
    assert places == []
    time.wait(0.2)
    assert host.ask(many, b"CP\r") == b"CP09\r" and host.ask(many, b"CNT\r") == b"CNT2\r"
    host.ask(many, b"SMF\rGO08\r")
    time.wait(3)
    assert host.ask(many, b"CP\r") == b"CP08\r" and host.ask(many, b"CNT\r") == b"CNT11\r"
    host.ask(many, b"HM\rCW\r")
    time.wait(3)
    assert host.ask(many, b"CP\r") == b"CP02\r"


@pytest.mark.parametrize("command", [b"GO11\r", b"GO0\r", b"GOA\r", b"XX\r", b"cp\r", b"CPx\r", b"CW11\r", b"\r"])
def test_nonsense_is_silent_and_moves_nothing(host, time, many, places, command):
    assert host.ask(many, command) == b""
    time.wait(3)
    many.scan()
    assert places == []


def test_settings(host, many):
    assert host.ask(many, b"AM\r") == b"AM3\r" and host.ask(many, b"NP\r") == b"NP10\r"
    host.ask(many, b"NP12\rNP13\rNP42\r")
    assert host.ask(many, b"NP\r") == b"NP12\r"
    host.ask(many, b"LG1\r")
    assert host.ask(many, b"CP\r") == b"Position is = 01\r"
    host.ask(many, b"SB1152\r")
    assert many.settings.baudrate == 115200
    assert host.ask(many, b"VR\r") and host.ask(many, b"/?\r")


def test_delimiters(host, two):
    two.receive(b"DEL3\r")
    assert host.ask(two, b"CP\r\n") == b"CPA\r\n"
    two.receive(b"DEL2\r\n")
    assert host.ask(two, b"CP\n") == b"CPA\n" and host.ask(two, b"CP\r") == b""


def test_with_an_id_it_hears_only_its_own(host, two):
    host.ask(two, b"ID5\r")
    assert host.ask(two, b"CP\r") == b"" and host.ask(two, b"5CP\r") == b"5CPA\r"
    host.ask(two, b"*ID*\r")
    assert host.ask(two, b"CP\r") == b"CPA\r"


def test_response_mode_reports_the_end_of_a_move(host, two):
    two.receive(b"IFM1\rGOB\r")
    assert host.listen(two) == b"CPB\r"


def test_power_cycle(host, time, two):
    host.ask(two, b"IFM1\rLG1\rDT5\rGOB\r", 1)
    two.power_cycle()
    time.wait(1)
    assert host.ask(two, b"CP\r") == b"CPB\r"
    assert host.ask(two, b"DT\r") == b"DT0\r" and host.ask(two, b"CNT\r") == b"CNT1\r"
