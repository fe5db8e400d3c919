"""Opentrons OT-2 and Flex over the robot's HTTP API (port 31950), robot software 8 and 9.

One order of transfers becomes one readable protocol: planned here, analysed by the robot, compared with the plan, run,
and read back command by command. The robot is its own controller: when the connection dies the run goes on, and the
run's command list tells afterwards what happened. So `transfer` is COUNTED by runs, and nothing is ever sent twice.

Aspirating is not measured on most robots: success means that the motion succeeded. Facts: Opentrons HTTP API,
robot software 8.1 (docs.opentrons.com, github.com/Opentrons/opentrons, robot-server).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, Verdict, command, read, reads_back
from devices.deck import DeckState, Layout
from devices.deck_file import PIPETTES, DeckFile, load_deck_file
from devices.http_link import HttpLink
from devices.opentrons.admission import Admission
from devices.opentrons.client import Health, Robot
from devices.opentrons.plan import Move, moves, tips_of
from devices.opentrons.protocol import custom_labware, difference, digest, protocol_text
from devices.opentrons.record import copied, document
from devices.opentrons.runs import ENDED, GOES_ON, LOST, RECOVERY, UNREACHABLE, Runs, fix_of, progress
from devices.readings import Attention, Identity, OrderDocument, RunRecord, Transfer, TransferReport
from devices.strict import about, check_role
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, DeviceFault, Refused
from vesiflow.quantities import Duration, inside

STILL = frozenset({"paused", "blocked-by-open-door"}) | RECOVERY | ENDED
PAUSE_WITHIN = 120.0  # s, the longest move


class OpentronsOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: deck file, hosts that may be contacted, software accepted, patience, recovery."""

    deck: str = "ot2"
    hosts: tuple[str, ...] = Field(default=(), description="host names or addresses that `at:` may have")
    serial_number: str | None = None
    oldest: str = Field(default="8.0", pattern=r"^\d+(\.\d+)*$", description="robot software accepted from here")
    newest: str = Field(default="9", pattern=r"^\d+(\.\d+)*$", description="to here, by as many numbers as given")
    startup: Duration = Field(default="180 s", validate_default=True, description="for a robot that is booting")
    poll: Duration = Field(default="1 s", validate_default=True)
    analysis: Duration = Field(default="300 s", validate_default=True)
    attention: Duration = Field(default="30 min", validate_default=True, description="for a run that waits for people")
    recovery: Literal["wait", "stop"] = "wait"


def _ran(pre: TransferReport, post: TransferReport, args: tuple[Any, ...]) -> Verdict:
    """DONE when a new run made every transfer, NOT_DONE when nothing is in doubt, else UNKNOWN."""
    if post.run == pre.run:
        return Verdict.NOT_DONE
    if post.total != len(args[0]) or post.doubt:
        return Verdict.UNKNOWN
    return Verdict.DONE if post.done == post.total else Verdict.NOT_DONE


class OpentronsHttp:
    """One robot; which one is told by its deck file."""

    speaks: ClassVar[str] = "http"
    settings: ClassVar[SerialSettings] = SerialSettings()
    options: ClassVar[type[BaseModel]] = OpentronsOptions
    provides: ClassVar[tuple[str, ...]] = ("liquid_handler",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Opentrons", "OT-2 and Flex", "Opentrons HTTP API, robot software 8.1")

    def __init__(self, link: HttpLink | None, clock: Clock, options: OpentronsOptions | None = None) -> None:
        if link is None:
            raise ConfigError("needs an address", remedy="give `at: http://address:31950`")
        self._link = link
        self._clock = clock
        self._options = options or OpentronsOptions()
        self._deck: DeckFile = load_deck_file(self._options.deck)
        self._robot = Robot(link)
        self._admission = Admission(self._robot, self._deck)
        self._runs = Runs(self._robot, clock, inside(self._options.poll, "s"))
        self._state = DeckState()
        self._held = False
        self._seen = ""
        self._skipped = ""

    @staticmethod
    def deck_of(options: OpentronsOptions, **role_options: object) -> Layout:
        """What stands on the deck, without asking the robot."""
        return load_deck_file(options.deck).layout

    async def connect(self) -> Identity:
        """Wait until the robot has started, then refuse another model, serial number, software or pipette."""
        with about(self._link.name, "connect"):
            health = await self._started()
            await self._admission.refuse_wrong(health, self._options.oldest, self._options.newest)
        identity = Identity("Opentrons", health.model, health.serial or health.name, health.api_version)
        self._link.identity = identity
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> OpentronsHttp:
        """The robot itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.COUNTED, evidence="read_progress", judge=_ran)
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport:
        """All transfers as one run. Refused or ConfigError: nothing moved; after DeviceFault ask `read_progress`."""
        with about(self._link.name, "transfer"):
            found = moves(transfers, self._deck, self._state)
            if not found:
                return TransferReport(0, 0)
            await self._admission.refuse_unsafe()
            await self._runs.refuse_busy()
            run = await self._prepared(found, len(transfers))
            self._held = False
            await self._runs.play(run)
            status = await self._watch(run, stop_in_recovery=self._options.recovery == "stop")
            report = await self._report(run, len(transfers), status)
            await self._runs.release(run)
            if report.done < report.total:
                raise DeviceFault(
                    f"the run {status} after {report.done} of {report.total} transfers: {report.detail or 'no reason'}",
                    value=run, remedy="look at deck and tips, then decide about what is in doubt",
                )  # fmt: skip
            self._state = self._after(tips_of(found, self._channels()))
            return TransferReport(report.total, report.done, 0, tips_of(found, self._channels()), run)

    @read
    async def rehearse(self, transfers: Sequence[Transfer]) -> None:
        """Refused or ConfigError when pipettes, tips or volumes do not suffice for the list."""
        with about(self._link.name, "rehearse"):
            moves(transfers, self._deck, self._state)

    @read
    async def know(self, state: DeckState) -> None:
        """What the line's books say replaces what this driver remembered."""
        self._state = state

    @read
    async def read_layout(self) -> Layout:
        """What stands on the deck, from the deck file."""
        return self._deck.layout

    @read
    async def read_deck(self) -> Mapping[str, str]:
        """Labware by name and slot, tips left."""
        found = {name: f"{entry.labware} in slot {entry.slot}" for name, entry in self._deck.model.labware.items()}
        for name, rack in self._deck.layout.labware.items():
            if rack.tip_volume:
                gone = sum(1 for tip in self._state.used_tips if tip.partition(":")[0] == name)
                found[name] = f"{len(rack.wells) - gone} of {len(rack.wells)} tips"
        return found

    @read
    async def read_progress(self) -> TransferReport:
        """The last run of vesiflow on this robot, waited for while it goes on; an empty report when there is none."""
        with about(self._link.name, "read back"):
            run = await self._runs.latest()
            if run is None:
                return TransferReport(0, 0)
            identifier, status = str(run["id"]), str(run["status"])
            if status not in ENDED and status != "idle":
                status = await self._watch(identifier, stop_in_recovery=False)
            return await self._report(identifier, None, status)

    @read
    async def read_document(self, transfers: Sequence[Transfer]) -> OrderDocument:
        """The protocol that `transfer` would send, and the SHA-256 of our own labware definitions that go along."""
        with about(self._link.name, "protocol"):
            found = moves(transfers, self._deck, self._state)
            labware = custom_labware(found, self._deck)
            return document(protocol_text(found, len(transfers), self._deck), labware)

    @read
    async def read_record(self, run: str) -> RunRecord:
        """The robot's own record of `run`, copied while it has it: it keeps about twenty."""
        with about(self._link.name, "read back"):
            return await copied(self._robot, self._runs, run)

    @read
    async def read_run(self) -> Mapping[str, str]:
        """The run that holds the robot: id, status, whose it is, and what went wrong in it."""
        run = await self._runs.current()
        if run is None:
            return {}
        ours = await self._runs.is_ours(run)
        said = "; ".join(await self._runs.failures(str(run["id"])))
        return {"id": str(run["id"]), "status": str(run["status"]), "by": "vesiflow" if ours else "others",
                "failures": said}  # fmt: skip

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda run: run.get("status") not in GOES_ON))
    async def pause(self) -> None:
        """Hold our run; returns when it stands still, at its next move, or has ended."""
        run = await self._our_run("pause")
        self._held = True
        if await self._runs.status(run) in GOES_ON:
            await self._runs.act(run, "pause")
        await self._runs.reach(run, STILL, PAUSE_WITHIN, "pause")

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda run: run.get("status") in GOES_ON))
    async def resume(self) -> None:
        """Let our run go on: paused, or in recovery once `retry` or `skip` has decided about what failed."""
        run = await self._our_run("resume")
        status = await self._runs.status(run)
        if status in RECOVERY:
            run, failed = await self._failed("resume")
            if failed["id"] != self._skipped and not await self._runs.is_fixed(run, str(failed["id"])):
                raise Refused(
                    "the run is in error recovery", device=self._link.name, action="resume",
                    value=str((failed.get("error") or {}).get("errorType")), remedy="decide first: retry or skip",
                )  # fmt: skip
            await self._runs.act(run, "resume-from-recovery")
        elif status not in ENDED and status not in GOES_ON:
            await self._runs.act(run, "play")
        self._held = False

    @command(Kind.SETPOINT, evidence="read_run", judge=reads_back(lambda run: run.get("status") in ENDED), safe=True)
    async def stop(self) -> None:
        """End our run; deck and tips are to be looked at afterwards. Nothing to do without one."""
        run = await self._runs.current()
        self._held = False
        if run is not None and run["status"] not in ENDED and await self._runs.is_ours(run):
            await self._runs.act(str(run["id"]), "stop")
            await self._runs.reach(str(run["id"]), ENDED, PAUSE_WITHIN, "stop")

    @command(Kind.BLIND)
    async def retry(self) -> None:
        """In recovery: do the failed command once more, as a fix, and never again; `resume` then goes on after it."""
        run, failed = await self._failed("retry")
        key = fix_of(str(failed["id"]))
        if any(one.get("key") == key for one in await self._robot.commands(run)):
            raise Refused("was tried again already", device=self._link.name, action="retry", remedy="skip or stop")
        fix = {"commandType": failed["commandType"], "params": failed["params"], "intent": "fixit", "key": key}
        created = await self._robot.post(f"/runs/{run}/commands", fix, {"failedCommandId": str(failed["id"])})
        await self._finished(f"/runs/{run}/commands/{created['id']}")

    @command(Kind.BLIND)
    async def skip(self) -> None:
        """In recovery: go on without the failed command at the next `resume`; its transfer stays in doubt.

        What was not aspirated cannot be dispensed: the robot stops again at the next command that needs it.
        """
        _, failed = await self._failed("skip")
        self._skipped = str(failed["id"])

    @read
    async def read_attention(self) -> Attention:
        """What our run waits for, as last seen while it was watched; nothing while it goes on or is held by us."""
        if self._seen == UNREACHABLE:
            return Attention("the robot cannot be reached; its run goes on by itself")
        if self._held or self._seen in ("", LOST, *GOES_ON, *ENDED):
            return Attention()
        run = await self._runs.current()
        said = "; ".join(await self._runs.failures(str(run["id"]))) if run else ""
        return Attention(f"the robot is {self._seen}: {said}" if said else f"the robot is {self._seen}", stands=True)

    @command(Kind.SETPOINT, evidence="read_run", judge=None)
    async def home(self) -> None:
        """All axes home, in a maintenance run of its own."""
        await self.single("home", {})

    async def single(self, kind: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One command outside any protocol; the command as the robot finished it."""
        with about(self._link.name, kind):
            await self._runs.refuse_busy()
            run = str((await self._robot.post("/maintenance_runs", {}))["id"])
            try:
                body = {"commandType": kind, "params": dict(params)}
                created = await self._robot.post(f"/maintenance_runs/{run}/commands", body)
                return await self._finished(f"/maintenance_runs/{run}/commands/{created['id']}")
            finally:
                await self._robot.delete(f"/maintenance_runs/{run}")

    async def _watch(self, run: str, *, stop_in_recovery: bool) -> str:
        attention = inside(self._options.attention, "s")
        self._seen = ""
        return await self._runs.watch(
            run, attention=attention, stop_in_recovery=stop_in_recovery, held=lambda: self._held, told=self._look
        )

    def _look(self, status: str) -> None:
        self._seen = status

    async def _started(self) -> Health:
        end = self._clock.now() + inside(self._options.startup, "s")
        while (health := await self._robot.health()) is None:
            if self._clock.now() >= end:
                raise Refused("the robot does not finish starting", remedy="look at its display, then try again")
            await self._clock.sleep(max(inside(self._options.poll, "s"), 1.0))
        return health

    async def _prepared(self, found: Sequence[Move], total: int) -> str:
        text = protocol_text(found, total, self._deck)
        labware = custom_labware(found, self._deck)
        protocol, analysis = await self._runs.analysed(
            text, labware, digest(found), inside(self._options.analysis, "s")
        )
        if wrong := difference(found, analysis.get("commands", [])):
            raise ConfigError(f"the analysis differs from the plan: {wrong}", remedy="report this; nothing was moved")
        return await self._runs.create(protocol)

    async def _report(self, run: str, total: int | None, status: str) -> TransferReport:
        commands = await self._robot.commands(run)
        told = _total(commands) if total is None else total
        done, doubt = progress(commands, told, status)
        detail = "; ".join(await self._runs.failures(run)) if done < told else ""
        return TransferReport(told, done, doubt, _picked(commands, await self._robot.get(f"/runs/{run}")), run, detail)

    def _after(self, tips: Sequence[str]) -> DeckState:
        return DeckState(self._state.volumes, self._state.unknown, self._state.used_tips | frozenset(tips))

    def _channels(self) -> dict[str, int]:
        return {mount: PIPETTES[name][0] for mount, name in self._deck.model.pipettes.items()}

    async def _our_run(self, action: str) -> str:
        run = await self._runs.current()
        if run is None or not await self._runs.is_ours(run):
            raise Refused("no run of ours is here", device=self._link.name, action=action, remedy="see read_run")
        return str(run["id"])

    async def _failed(self, action: str) -> tuple[str, Mapping[str, Any]]:
        """Our run and the command it recovers from; a run that an opened door held in recovery is let go on first."""
        run = await self._our_run(action)
        status = await self._runs.status(run)
        if status == "awaiting-recovery-blocked-by-open-door":
            raise Refused("the door is open", device=self._link.name, action=action, remedy="close it")
        if status == "awaiting-recovery-paused":
            await self._runs.act(run, "play")
        failed = await self._runs.failed_command(run) if status in RECOVERY else ""
        if not failed:
            raise Refused("the run is not in recovery", device=self._link.name, action=action, value=status)
        return run, await self._robot.get(f"/runs/{run}/commands/{failed}")

    async def _finished(self, path: str) -> Mapping[str, Any]:
        """The command at `path` once it has ended; DeviceFault when it failed, whatever HTTP said."""
        while (one := await self._robot.get(path))["status"] in ("queued", "running"):
            await self._clock.sleep(inside(self._options.poll, "s"))
        if one["status"] != "succeeded":
            error = one.get("error") or {}
            raise DeviceFault(
                f"{one['commandType']} failed: {error.get('errorType')}: {error.get('detail')}",
                device=self._link.name, action=str(one["commandType"]), remedy="look at the robot",
            )  # fmt: skip
        return dict(one)


def _total(commands: Sequence[Mapping[str, Any]]) -> int:
    """How many transfers a run was for, from its announcements."""
    for one in commands:
        words = str(one.get("params", {}).get("message", "")).partition(":")[0].split()
        if len(words) == 4 and words[0].startswith("transfer") and words[3].isdigit():
            return int(words[3])
    return 0


def _picked(commands: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> tuple[str, ...]:
    """Every place a tip was taken from, or may have been: labware and pipettes are named in the run itself."""
    racks = {str(one["id"]): str(one.get("displayName")) for one in run.get("labware") or []}
    eight = {str(one["id"]) for one in run.get("pipettes") or [] if "multi" in str(one.get("pipetteName"))}
    spots: list[str] = []
    for one in commands:
        if one.get("commandType") != "pickUpTip" or one.get("status") == "queued":
            continue
        rack, well = racks.get(str(one["params"].get("labwareId"))), str(one["params"].get("wellName"))
        rows = "ABCDEFGH" if str(one["params"].get("pipetteId")) in eight else well[:1]
        spots += [f"{rack}:{row}{well[1:]}" for row in rows]
    return tuple(dict.fromkeys(spots))
