"""Whether this is the robot that the line file means, and whether it may move now. Everything here only asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devices.deck_file import DeckFile
from devices.opentrons.client import Health, Robot, Starting
from devices.opentrons.protocol import API_LEVEL
from vesiflow.errors import ConfigError, Refused

MODELS = {"OT-2": "OT-2 Standard", "Flex": "OT-3 Standard"}
NAMES = {"flex_1channel_50": "p50_single_flex", "flex_8channel_50": "p50_multi_flex",
         "flex_1channel_1000": "p1000_single_flex", "flex_8channel_1000": "p1000_multi_flex"}  # fmt: skip
PRESSED = ("physicallyEngaged", "logicallyEngaged")


@dataclass(frozen=True)
class Admission:
    """The robot against its deck file."""

    robot: Robot
    deck: DeckFile

    async def refuse_wrong(self, health: Health, oldest: str, newest: str) -> None:
        """ConfigError for another model, software outside `oldest`..`newest`, or another pipette than the deck's."""
        self._refuse_model(health)
        self._refuse_software(health, oldest, newest)
        await self._refuse_pipettes()

    def _refuse_model(self, health: Health) -> None:
        wanted = MODELS.get(self.deck.model.robot, "no robot")
        if health.model != wanted:
            raise ConfigError(
                "another robot model answers", value=health.model, bounds=f"{wanted} of deck {self.deck.model.deck}",
                remedy="check the address or the deck file",
            )  # fmt: skip

    def _refuse_software(self, health: Health, oldest_word: str, newest_word: str) -> None:
        version = numbers(health.api_version)
        oldest, newest = numbers(oldest_word), numbers(newest_word)
        if version < oldest or version[: len(newest)] > newest:
            raise ConfigError(
                "robot software not supported", value=health.api_version,
                bounds=f"{oldest_word} to {newest_word}", remedy="update, or widen it once tried out",
            )  # fmt: skip
        if health.newest_level < numbers(API_LEVEL):
            raise ConfigError(
                "the robot's protocol API is too old", value="{}.{}".format(*health.newest_level),
                bounds=f">= {API_LEVEL}", remedy="update the robot",
            )  # fmt: skip

    async def _refuse_pipettes(self) -> None:
        """Another pipette on a mount than the deck file says; a mount that reports nothing is left to the robot."""
        for mount, name in (await self._mounted()).items():
            wanted = self.deck.model.pipettes.get(mount)  # type: ignore[call-overload]
            if wanted and name and name not in (wanted, NAMES.get(wanted)):
                raise ConfigError(
                    f"another pipette is on the {mount} mount", value=name, bounds=NAMES.get(wanted, wanted),
                    remedy="mount it or mend the deck file",
                )  # fmt: skip

    async def _mounted(self) -> dict[str, str]:
        if self.deck.model.robot == "Flex":
            items = await self.robot.get("/instruments")
            return {str(one.get("mount")): str(one.get("instrumentName") or "") for one in items}
        body = await self.robot.whole("/pipettes")
        return {mount: str((body.get(mount) or {}).get("name") or "") for mount in ("left", "right")}

    async def refuse_unsafe(self) -> None:
        """An open door or a pressed emergency stop; a robot that has neither says 403 or 404."""
        door = await self._asked("/robot/door/status")
        if door.get("status") == "open" and door.get("doorRequiredClosedForProtocol"):
            raise Refused("the door is open", remedy="close it")
        if (await self._asked("/robot/control/estopStatus")).get("status") in PRESSED:
            raise Refused("the emergency stop is pressed", remedy="release it")

    async def _asked(self, path: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = await self.robot.get(path)
        except Starting:
            raise
        except Refused:
            return {}
        return found


def numbers(version: str) -> tuple[int, ...]:
    """ "8.1.0-beta.2" as (8, 1, 0)."""
    found = []
    for part in version.split("-")[0].split("+")[0].split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)
