"""SIGTERM in a flow becomes a cancellation, wherever the main thread is, and Prefect's worker hears that it was heard."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from prefect.utilities.engine import capture_sigterm, commit_control_intent_and_ack

from flows.termination import cancelled_by_sigterm

pytestmark = pytest.mark.prefect


async def _terminated(heard: list[bool]) -> None:
    with capture_sigterm(), cancelled_by_sigterm():
        heard.append(commit_control_intent_and_ack(lambda: None, lambda: None, lambda: None))
        # Inside a callback of the event loop Prefect's exception would be lost, and this would wait for ever.
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()


def test_a_signal_inside_a_callback_cancels_the_flow() -> None:
    before, heard = signal.getsignal(signal.SIGTERM), list[bool]()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_terminated(heard))
    assert heard == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_elsewhere_signals_are_left_alone() -> None:
    async def nothing() -> object:
        with cancelled_by_sigterm():
            return signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    assert asyncio.run(nothing()) is before
