"""The conformance kit: what every driver must do, whatever instrument it speaks to.

    # conftest.py of whoever wrote a driver
    def pytest_vesiflow_counterparts():
        return {"my_driver": make}        # a Make of devices.testing.counterpart

    # test_conformance.py
    from devices.testing.conformance import *

Or without a test file: `pytest --pyargs devices.testing.conformance`. Every registered driver that has a counterpart
is tried with every capability it provides; `--vesiflow-driver NAME` tries one driver only.
"""

from __future__ import annotations

import inspect
import random
from dataclasses import fields
from typing import Any, get_args

import pytest

from devices import registry
from devices.card import Maturity
from devices.commands import Kind, Verdict, declared
from devices.roles import CAPABILITIES
from devices.testing.capabilities import CAPABILITY_CASES, Act, acts_of, texts_of
from devices.testing.counterpart import Make, Probe
from devices.testing.injection import hostile_texts, never_breaks_out
from devices.testing.session import Session, converse
from devices.testing.wire import Fault
from vesiflow.errors import ConfigError, LimitExceeded, NotSent, Refused, VesiflowError

__all__ = [
    "test_a_command_repeated_changes_nothing",
    "test_a_lost_request_or_answer_is_no_reply_and_a_dirty_link",
    "test_a_pulled_adapter_is_a_typed_error_and_comes_back",
    "test_a_spoilt_answer_is_right_or_a_typed_error",
    "test_absurd_values_are_refused_before_any_byte_leaves",
    "test_every_method_declares_its_command_class",
    "test_it_has_a_card_and_is_a_driver",
    "test_line_settings_are_those_of_the_instrument",
    "test_no_text_carries_a_second_command",
    "test_readings_are_true_and_read_to_the_end",
    "test_the_answer_to_an_older_question_is_never_taken",
    "test_the_read_back_equals_what_was_set_and_tells_other_values_apart",
]

TRIES = 6
TEXTS = 400
"""Hostile texts for each method in the kit; a project may call `never_breaks_out` with more."""

RoleCase = tuple[str, str, Make]
DriverCase = tuple[str, Make]


async def call(session: Session, role: Any, act: Act, args: tuple[Any, ...]) -> None:
    """One command within its time."""
    await session.within_limit(getattr(role, act.method)(*args))


def probes_of(session: Session, capability: str) -> list[Probe]:
    """The readings of a capability whose truth is known."""
    return [probe for probe in session.counterpart.probes if probe.capability == capability]


async def all_true(session: Session, capability: str) -> None:
    """Every probe tells the truth."""
    role = session.role(capability)
    for probe in probes_of(session, capability):
        value = await session.within_limit(probe.read(role))
        assert probe.fits(value), f"reads {value!r}, true is {probe.truth()!r}"


async def recovered(session: Session, role: Any, probe: Probe) -> Any:
    """The first value after trouble; errors until then are typed."""
    for _ in range(TRIES - 1):
        try:
            value = await session.within_limit(probe.read(role))
        except VesiflowError:
            await session.clock.sleep(1.0)
        else:
            if value is not None:
                return value
    return await session.within_limit(probe.read(role))


async def evidence_of(session: Session, role: Any, act: Act) -> Any:
    """What the act's evidence method reads now."""
    how = declared(getattr(role, act.method))
    assert how is not None and how.evidence is not None
    return await session.within_limit(getattr(role, how.evidence)())


def test_it_has_a_card_and_is_a_driver(vesiflow_name: str) -> None:
    driver = registry.load(vesiflow_name)
    assert driver.card.vendor and driver.card.model and driver.card.manual
    assert driver.card.maturity in get_args(Maturity)
    assert driver.provides and set(driver.provides) <= set(CAPABILITIES)
    assert {"baudrate", "bytesize", "parity", "stopbits", "rtscts", "xonxoff"} == {
        f.name for f in fields(driver.settings)
    }
    with pytest.raises(ValueError):  # unknown line-file keys are refused
        driver.options.model_validate({"no such key": 1})


def test_line_settings_are_those_of_the_instrument(vesiflow_driver: DriverCase) -> None:
    key, make = vesiflow_driver

    async def talk(session: Session) -> None:
        given, wanted = session.device.settings, session.counterpart.emulator.settings
        if wanted.baudrate is not None:
            assert (given.baudrate, given.bytesize, given.parity, given.stopbits) == (
                wanted.baudrate, wanted.bytesize, wanted.parity, wanted.stopbits,
            )  # fmt: skip

    converse(key, make, talk)


def test_every_method_declares_its_command_class(vesiflow_role: RoleCase) -> None:
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role = session.role(capability)
        assert isinstance(role, CAPABILITIES[capability])
        methods = inspect.getmembers(role, inspect.iscoroutinefunction)
        for name, method in methods:
            if name.startswith("_") or name in ("connect", "close"):
                continue
            how = declared(method)
            assert how is not None, f"{name} declares no command class"
            if how.kind not in (Kind.READ, Kind.BLIND, Kind.RENEWAL):
                assert how.evidence is not None and how.judge is not None, f"{name} says not what proves it"
            if how.evidence is not None:
                proof = declared(getattr(role, how.evidence))
                assert proof is not None and proof.kind is Kind.READ
        with pytest.raises(ConfigError):
            session.device.role(capability, **{"no such option": 1})

    converse(key, make, talk)


def test_readings_are_true_and_read_to_the_end(vesiflow_role: RoleCase) -> None:
    """Whatever the instrument says in answer is read: leftovers would be the next command's answer."""
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role, dice = session.role(capability), random.Random(key)
        for name in CAPABILITY_CASES[capability].reads:
            await session.within_limit(getattr(role, name)())
            assert await session.settled() == b"", f"{name} leaves bytes unread"
        for _ in range(3):
            await all_true(session, capability)
            for probe in probes_of(session, capability):
                if probe.stir is not None:
                    probe.stir(dice)
        await all_true(session, capability)
        assert not session.link.dirty

    converse(key, make, talk)


def test_a_command_repeated_changes_nothing(vesiflow_role: RoleCase) -> None:
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role = session.role(capability)
        for act in acts_of(capability, session.counterpart):
            how = declared(getattr(role, act.method))
            assert how is not None
            for args in act.arguments:
                await call(session, role, act, args)
                if how.kind not in (Kind.SETPOINT, Kind.POSITIONAL):
                    continue
                before = await evidence_of(session, role, act)
                await call(session, role, act, args)
                assert how.judge is not None
                after = await evidence_of(session, role, act)
                assert how.judge(before, after, args) is Verdict.DONE
                assert str(how.judge(before, before, args)) == Verdict.DONE
                assert await session.settled() == b"", f"{act.method} leaves bytes unread"
        await all_true(session, capability)

    converse(key, make, talk)


def test_the_read_back_equals_what_was_set_and_tells_other_values_apart(vesiflow_role: RoleCase) -> None:
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role = session.role(capability)
        for act in acts_of(capability, session.counterpart):
            how = declared(getattr(role, act.method))
            if how is None or how.evidence is None or how.judge is None:
                continue
            for n, args in enumerate(act.arguments):
                before = await evidence_of(session, role, act)
                await call(session, role, act, args)
                after = await evidence_of(session, role, act)
                assert how.judge(before, after, args) is Verdict.DONE, f"{act.method}{args}: {after}"
                other = act.arguments[n - 1]
                if other != args:
                    assert how.judge(before, after, other) is not Verdict.DONE, f"{after} is taken for {other}"

    converse(key, make, talk)


def test_absurd_values_are_refused_before_any_byte_leaves(vesiflow_role: RoleCase) -> None:
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role = session.role(capability)
        for act in acts_of(capability, session.counterpart):
            for args in act.absurd:
                sent = len(session.wire.sent)
                with pytest.raises((LimitExceeded, ConfigError, Refused)):
                    await call(session, role, act, args)
                assert session.wire.sent[sent:] == [], f"{act.method}{args} was sent"

    converse(key, make, talk)


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DEAF])
def test_a_lost_request_or_answer_is_no_reply_and_a_dirty_link(vesiflow_role: RoleCase, fault: Fault) -> None:
    key, capability, make = vesiflow_role
    case = CAPABILITY_CASES[capability]

    async def talk(session: Session) -> None:
        role = session.role(capability)
        calls = [Act(name) for name in case.reads] + acts_of(capability, session.counterpart)
        for act in calls:
            if not case.silence or session.counterpart.waits:
                continue  # people take their time
            sent, session.wire.fault = len(session.wire.sent), fault
            error: Exception | None = None
            try:
                await call(session, role, act, act.arguments[-1])
            except VesiflowError as caught:
                error = caught
            if len(session.wire.sent) > sent:
                assert isinstance(error, case.silence), f"{act.method}: {error!r}"
                assert session.link.dirty or type(error) is not case.silence[0]
            await session.settled()
            for probe in probes_of(session, capability):
                assert probe.fits(await recovered(session, role, probe)), act.method

    converse(key, make, talk)


@pytest.mark.parametrize("fault", [Fault.SPLIT, Fault.DOUBLED, Fault.GARBAGE, Fault.LATE])
def test_a_spoilt_answer_is_right_or_a_typed_error(vesiflow_role: RoleCase, fault: Fault) -> None:
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role = session.role(capability)
        for probe in probes_of(session, capability):
            session.wire.fault = fault
            for _ in range(3):
                try:
                    value = await session.within_limit(probe.read(role))
                except VesiflowError as error:
                    assert fault is not Fault.SPLIT and error.device is not None, repr(error)
                else:
                    assert value is None or probe.fits(value), f"reads {value!r}, true is {probe.truth()!r}"
            await session.settled()
            assert probe.fits(await recovered(session, role, probe))

    converse(key, make, talk)


@pytest.mark.parametrize("fault", [Fault.LATE, Fault.STALE])
def test_the_answer_to_an_older_question_is_never_taken(vesiflow_role: RoleCase, fault: Fault) -> None:
    """An answer that comes after its time-out is not the next one's, even when it looks like it."""
    key, capability, make = vesiflow_role

    async def talk(session: Session) -> None:
        role, dice = session.role(capability), random.Random(key)
        for probe in probes_of(session, capability):
            behind = fault is Fault.STALE and (probe.alike or not CAPABILITY_CASES[capability].silence)
            if probe.stir is None or behind:
                continue  # nothing to tell the answers apart by, or nobody who would ask again
            await session.within_limit(probe.read(role))
            session.wire.fault = fault
            try:
                await session.within_limit(probe.read(role))
            except VesiflowError as error:
                assert error.device is not None
            session.wire.fault = Fault.NONE
            probe.stir(dice)
            value = await recovered(session, role, probe)
            assert probe.fits(value), f"reads {value!r}, true is {probe.truth()!r}"

    converse(key, make, talk)


def test_a_pulled_adapter_is_a_typed_error_and_comes_back(vesiflow_role: RoleCase) -> None:
    key, capability, make = vesiflow_role
    case = CAPABILITY_CASES[capability]

    async def talk(session: Session) -> None:
        role = session.role(capability)
        calls = [Act(name) for name in case.reads] + acts_of(capability, session.counterpart)
        used = 0
        for act in calls:
            session.wire.unplug()
            sent = session.link.counters.sent
            try:
                await call(session, role, act, act.arguments[-1])
            except VesiflowError as error:
                assert isinstance(error, NotSent), repr(error)
                used += 1
            assert session.link.counters.sent == sent
            session.wire.plug()
            await call(session, role, act, act.arguments[-1])
        assert session.link.counters.reconnects == used
        await all_true(session, capability)

    converse(key, make, talk)


def test_no_text_carries_a_second_command(vesiflow_role: RoleCase) -> None:
    """Recipes, barcodes and people give texts; none may end a command or begin another."""
    key, capability, make = vesiflow_role
    if not texts_of(capability):
        return
    dice = random.Random(key)

    async def talk(session: Session) -> None:
        await never_breaks_out(session, capability, hostile_texts(dice, TEXTS))

    converse(key, make, talk)
