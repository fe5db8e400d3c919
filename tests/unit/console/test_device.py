"""`vesiflow device`: one method by hand, with the line's lock, limits and journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.line_file import load_line
from line.host import hosted
from line.ownership import owned
from protocols.load import load
from protocols.resolve import resolve
from records.journal import JournalReader
from records.store import Store

from .conftest import Cli


def actions(line: str = "sim") -> list[tuple[str, str, str, str | None]]:
    with JournalReader(Store().journal(line)) as reader:
        found = list(reader.intents(""))
    return [(item.device, item.verb, item.phase, item.outcome and item.outcome.state) for item in found]


def test_a_setting_is_read_back_and_journaled(cli: Cli) -> None:
    result = cli("device", "tff.feed_pump", "set_flow", "88 mL/min", "--line", "sim", "--who", "Ada")
    assert (result.code, result.err) == (0, "")
    assert result.out == "tff.feed_pump set_flow: done, read back\n"
    assert actions() == [("tff.feed_pump", "set_flow", "by hand", "DONE")]
    with JournalReader(Store().journal("sim")) as reader:
        assert next(iter(reader.intents(""))).actor == "Ada by hand"


def test_a_reading_has_its_unit_and_leaves_no_intent(cli: Cli) -> None:
    result = cli("device", "lyophilization.shelf", "read_circulator", "--line", "sim")
    assert result.code == 0
    assert [" ".join(row.split()) for row in result.out.splitlines() if "setpoint" in row] == ["setpoint 25 degC"]
    assert actions() == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("tff.feed_pump", "set_flow", "880 mL/min"), 1, "got 880 mL/min, allowed 0 mL/min to 300 mL/min"),
        (("tff.feed_pump", "set_flow", "-1 mL/min"), 1, "outside the limits"),
        (("tff.feed_pump", "set_flow", "88"), 2, "not a flow rate for flow (got '88'); write it like '88 mL/min'"),
        (("tff.feed_pump", "set_flow"), 2, "other arguments are needed (got none, allowed set_flow FLOW)"),
        (("tff.feed_pump", "dance"), 2, "no method 'dance' (allowed read_drive"),
        (("tff.feed", "start"), 2, "line sim has no role 'tff.feed' (allowed tff.feed_pump"),
        (("lyophilization.vacuum", "set_relay", "vent", "maybe"), 2, "not a yes/no for on (got 'maybe')"),
        (("sec.injection_valve", "move_to", "A\rGOB"), 1, "no such position"),
        (("electroporation.liquid_handler", "transfer", "x"), 2, "cannot be given by hand"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_no_trace(
    cli: Cli, words: tuple[str, ...], code: int, says: str
) -> None:
    result = cli("device", *words, "--line", "sim")
    assert (result.code, result.out) == (code, "")
    assert says in result.err and len(result.err.splitlines()) == 1
    done = actions() if Store().journal("sim").is_file() else []
    assert all(outcome == "NOT_DONE" for *_, outcome in done)


def test_a_pulse_program_is_given_by_its_fields_and_its_voltage_is_limited(cli: Cli) -> None:
    program = ["name=EV1", "shape=square", "pulses=1", "interval=1 s", "gap=2 mm", "width=300 us"]
    role = "electroporation.electroporator"
    assert cli("device", role, "upload", *program, "voltage=400 V", "--line", "sim").code == 0
    refused = cli("device", role, "upload", *program, "voltage=600 V", "--line", "sim")
    assert refused.code == 1 and "voltage outside the limits of the line (got 600 V" in refused.err
    assert cli("device", role, "upload", "name=EV1", "--line", "sim").code == 2
    assert actions() == [(role, "upload", "by hand", "DONE")]


def test_without_a_method_it_lists_what_can_be_asked(cli: Cli) -> None:
    result = cli("device", "sec.collector", "--line", "sim")
    assert result.code == 0
    for words in ("go_to TUBE", "collect ON", "read_tube", "acts, nothing proves it"):
        assert words in result.out


def test_it_is_refused_while_a_controller_owns_the_line(cli: Cli) -> None:
    with owned(Store().line("sim"), "sim"):
        result = cli("device", "tff.feed_pump", "stop", "--line", "sim")
    assert (result.code, result.out, len(result.err.splitlines())) == (1, "", 1)
    assert "owned by process" in result.err


def test_it_acts_on_an_instrument_at_a_real_port(cli: Cli, served: Path) -> None:
    assert cli("device", "lyophilization.shelf", "set_temperature", "-12.5 degC", "--line", served).code == 0
    shown = cli("device", "lyophilization.shelf", "read_circulator", "--line", served)
    assert "-12.5 degC" in shown.out
    assert actions("served") == [("lyophilization.shelf", "set_temperature", "by hand", "DONE")]


def test_nobody_there_is_one_line(cli: Cli, line_with: Callable[[str], Path]) -> None:
    path = line_with("seed: 1")
    path.write_text(path.read_text().replace("sim://tff/feed", "sim://tff/nowhere").replace("{seed: 1, ", "{"))
    result = cli("device", "tff.feed_pump", "read_pump", "--line", path)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "feed: open sim://tff/nowhere: the port does not exist" in result.err


def test_a_batch_that_is_not_over_is_named(cli: Cli, short: str) -> None:
    line = load_line("sim")

    async def leave_one_behind() -> None:
        async with hosted(line, Store(), seed=1) as host:
            recipe = resolve(load(short), line.profile)
            await host.client.create("left-behind", recipe, who="Ada")

    asyncio.run(leave_one_behind())
    acted = cli("device", "tff.feed_pump", "set_flow", "10 mL/min", "--line", "sim")
    assert acted.code == 0 and "left-behind" in acted.err
    assert cli("device", "tff.feed_pump", "read_pump", "--line", "sim").err == ""
