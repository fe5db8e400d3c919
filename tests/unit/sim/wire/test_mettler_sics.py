import pytest

from sim.wire.mettler_sics import MettlerBalance


class Pan:
    mass = 0.1
    stable = True


@pytest.fixture
def pan():
    return Pan()


@pytest.fixture
def balance(time, pan):
    return MettlerBalance(time, lambda: pan.mass, lambda: pan.stable)


def test_stable_weight_has_fixed_columns(host, balance):
    assert host.ask(balance, b"S\r\n") == b"S S     100.00 g\r\n"
    assert host.took >= 0.3 - 1e-9


def test_immediate_weight_says_whether_it_moves(host, balance, pan):
    pan.stable = False
    assert host.ask(balance, b"SI\r\n") == b"S D     100.00 g\r\n"
    assert host.took < 0.05


def test_unstable_s_waits_and_then_gives_up(host, balance, pan):
    pan.stable = False
    assert host.ask(balance, b"S\r\n", 5) == b""
    balance.receive(b"SI\r\n")
    assert host.listen(balance, 20) == b"S I\r\nS D     100.00 g\r\n"


def test_s_answers_when_it_settles(time, host, balance, pan):
    pan.stable = False
    host.ask(balance, b"S\r\n", 2)
    pan.stable = True
    assert host.listen(balance, 1) == b"S S     100.00 g\r\n"


def test_tare_preset_and_clear(host, balance, pan):
    assert host.ask(balance, b"T\r\n") == b"T S     100.00 g\r\n"
    assert host.ask(balance, b"SI\r\n") == b"S S       0.00 g\r\n"
    assert host.ask(balance, b"TA\r\n") == b"TA A     100.00 g\r\n"
    assert host.ask(balance, b"TA 50.00 g\r\n") == b"TA A      50.00 g\r\n"
    assert host.ask(balance, b"SI\r\n") == b"S S      50.00 g\r\n"
    assert host.ask(balance, b"TAC\r\n") == b"TAC A\r\n"
    pan.stable = False
    assert host.ask(balance, b"TI\r\n") == b"TI D     100.00 g\r\n"
    assert host.ask(balance, b"@\r\n") == b'I4 A "B123456789"\r\n'
    assert host.ask(balance, b"TA\r\n") == b"TA A       0.00 g\r\n"


def test_zero_only_near_zero(host, balance, pan):
    assert host.ask(balance, b"Z\r\n") == b"Z A\r\n"
    pan.mass = 1.0
    assert host.ask(balance, b"ZI\r\n") == b"ZI +\r\n"
    assert host.ask(balance, b"SI\r\n") == b"S S     900.00 g\r\n"


def test_over_and_underload(host, balance, pan):
    pan.mass = 6.3
    assert host.ask(balance, b"SI\r\n") == b"S +\r\n"
    pan.mass = -0.35
    assert host.ask(balance, b"S\r\n") == b"S -\r\n" and host.ask(balance, b"T\r\n") == b"T -\r\n"


@pytest.mark.parametrize("request_", [b"XX\r\n", b"s\r\n", b"SI2\r\n", b" S\r\n"])
def test_unknown_is_a_syntax_error(host, balance, request_):
    assert host.ask(balance, request_) == b"ES\r\n"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"S 1\r\n", b"S L\r\n"),
        (b"TA x g\r\n", b"TA L\r\n"),
        (b"TA 7000 g\r\n", b"TA L\r\n"),
        (b"TA 1 kg\r\n", b"TA L\r\n"),
        (b"TA -1 g\r\n", b"TA L\r\n"),
        (b'D "HI"\r\n', b"D A\r\n"),
        (b"D HI\r\n", b"D L\r\n"),
        (b"DW\r\n", b"DW A\r\n"),
        (b'D "HI\r\n', b"D L\r\n"),
    ],
)
def test_parameters(host, balance, request_, reply):
    assert host.ask(balance, request_) == reply


def test_menu_and_defect(host, balance):
    balance.menu_open = True
    assert host.ask(balance, b"SI\r\n") == b"EL\r\n"
    balance.menu_open, balance.defect = False, 10
    assert host.ask(balance, b"SI\r\n") == b"S S Error 10\r\n"


def test_stream_until_another_weight_command(host, balance):
    balance.receive(b"SIR\r\n")
    assert host.listen(balance, 0.45).count(b"S S     100.00 g\r\n") >= 4
    host.ask(balance, b"SI\r\n", 0.2)
    assert host.listen(balance, 5) == b""


def test_send_on_change(host, balance, pan):
    assert host.ask(balance, b"SR 5 g\r\n", 1).count(b"g") == 1
    pan.mass = 0.104
    assert host.listen(balance, 1) == b""
    pan.mass = 0.106
    assert host.listen(balance, 1) == b"S S     106.00 g\r\n"


def test_unit_key(host, balance):
    balance.select_unit("mg")
    assert host.ask(balance, b"SI\r\n") == b"S S     100000 mg\r\n"


def test_print_key_is_unsolicited(host, balance):
    balance.press_print()
    assert host.listen(balance) == b"S S     100.00 g\r\n"


def test_adjustment_keeps_the_balance_busy(host, balance, pan):
    assert host.ask(balance, b"C3\r\n", 1) == b"C3 B\r\n"
    balance.receive(b"SI\r\n")
    assert host.listen(balance, 100) == b"C3 A\r\nS S     100.00 g\r\n"
    pan.mass = 1.0
    assert host.ask(balance, b"C3\r\n") == b"C3 I\r\n"


def test_lists(host, balance):
    lines = host.ask(balance, b"I0\r\n").splitlines()
    assert all(line.startswith(b"I0 B ") for line in lines[:-1]) and lines[-1].startswith(b"I0 A ")
    assert host.ask(balance, b"I4\r\n") == b'I4 A "B123456789"\r\n'


def test_power_cycle_zeroes_a_small_load_and_forgets_the_tare(host, balance, pan):
    host.ask(balance, b"T\r\n")
    balance.power_cycle()
    assert host.listen(balance) == b'I4 A "B123456789"\r\n'
    assert host.ask(balance, b"SI\r\n") == b"S S       0.00 g\r\n"
    pan.mass = 3.0
    balance.power_cycle()
    host.listen(balance)
    assert host.ask(balance, b"SI\r\n") == b"S S    2900.00 g\r\n"
