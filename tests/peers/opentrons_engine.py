"""Tells words of events to the run state of the package `opentrons`; JSON in, JSON out. See test_opentrons_engine.py.

Events that only hardware makes (a command that fails, the end of the protocol) are given as the engine's own actions.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

os.environ["OT_API_CONFIG_DIR"] = tempfile.mkdtemp(prefix="vesiflow-opentrons-")

from datetime import UTC, datetime

from opentrons.hardware_control.types import DoorState
from opentrons.protocol_engine import actions as pe
from opentrons.protocol_engine import commands
from opentrons.protocol_engine.error_recovery_policy import ErrorRecoveryType, never_recover
from opentrons.protocol_engine.errors import ProtocolEngineError
from opentrons.protocol_engine.state.commands import CommandStore, CommandView
from opentrons.protocol_engine.state.config import Config
from opentrons.protocol_engine.state.update_types import StateUpdate
from opentrons.protocol_engine.types import DeckType

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = Config(robot_type="OT-3 Standard", deck_type=DeckType.OT3_STANDARD, block_on_door_open=True)


class Engine:
    """One run of the real thing."""

    def __init__(self) -> None:
        self.store = CommandStore(config=CONFIG, is_door_open=False, error_recovery_policy=never_recover)
        self.view = CommandView(self.store.state)
        self.number = 0

    def tell(self, event: str) -> None:
        do = getattr(self, f"on_{event}", None)
        if do is not None:
            do()
            return
        action = {
            "play": pe.PlayAction(requested_at=NOW),
            "pause": pe.PauseAction(source=pe.PauseSource.CLIENT),
            "stop": pe.StopAction(),
            "resume": pe.ResumeFromRecoveryAction(StateUpdate()),
        }[event]
        if event == "play" and self.view.get_status().value == "idle":
            self.store.handle_action(action)  # the server starts the run without asking the engine
            return
        self.store.handle_action(self.view.validate_action_allowed(action))

    def on_open(self) -> None:
        self.store.handle_action(pe.DoorChangeAction(door_state=DoorState.OPEN))

    def on_close(self) -> None:
        self.store.handle_action(pe.DoorChangeAction(door_state=DoorState.CLOSED))

    def on_setup(self) -> None:
        self.view.validate_action_allowed(self.queued(commands.CommandIntent.SETUP))

    def on_fixit(self) -> None:
        self.view.validate_action_allowed(self.queued(commands.CommandIntent.FIXIT))

    def on_end(self) -> None:
        if self.view.get_is_running():
            self.store.handle_action(pe.FinishAction(error_details=None))

    def on_error(self) -> None:
        if not self.view.get_is_running():
            return
        queue = self.queued(commands.CommandIntent.PROTOCOL)
        self.store.handle_action(queue)
        self.store.handle_action(pe.RunCommandAction(command_id=queue.command_id, started_at=NOW))
        self.store.handle_action(
            pe.FailCommandAction(
                command_id=queue.command_id,
                error_id=f"error-{self.number}",
                failed_at=NOW,
                error=ProtocolEngineError(message="overpressure"),
                notes=[],
                type=ErrorRecoveryType.WAIT_FOR_RECOVERY,
                running_command=self.view.get(queue.command_id),
            )
        )

    def queued(self, intent: commands.CommandIntent) -> pe.QueueCommandAction:
        self.number += 1
        request = commands.HomeCreate(params=commands.HomeParams(), intent=intent)
        return pe.QueueCommandAction(
            command_id=f"command-{self.number}", created_at=NOW, request=request, request_hash=None
        )


def main() -> None:
    """Words from stdin, what happened to stdout."""
    told = []
    for word in json.load(sys.stdin):
        engine, said = Engine(), []
        for event in word:
            refusal = ""
            try:
                engine.tell(event)
            except ProtocolEngineError as error:
                refusal = error.message
            said.append(f"{engine.view.get_status().value} {refusal}".strip())
        told.append(said)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
