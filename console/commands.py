"""The commands of `vesiflow` as a table: name, what runs it, one line of help, an example."""

from __future__ import annotations

from dataclasses import dataclass

MAKE, LOOK, LINE, SERVE = "Make", "Look", "Line", "Serve"
GROUPS = (MAKE, LOOK, LINE, SERVE)


@dataclass(frozen=True, slots=True)
class Command:
    """`target` is "module:function", imported when the command is called."""

    group: str
    name: str
    target: str
    text: str
    example: str


COMMANDS: tuple[Command, ...] = (
    Command(
        MAKE, "run", "console.run:run", "run a batch as a Prefect flow", "vesiflow run exosome --line sim --seed 7"
    ),
    Command(
        MAKE,
        "simulate",
        "console.simulate:simulate",
        "run a recipe on a simulated line, without Prefect",
        "vesiflow simulate exosome --seed 7 --json result.json --junit result.xml",
    ),
    Command(
        MAKE,
        "resume",
        "console.resume:resume",
        "let a batch go on after its controller died",
        "vesiflow resume exosome-20260105-0800-7K2M --line bench.yaml",
    ),
    Command(
        LOOK,
        "check",
        "console.recipe:check",
        "check a recipe against a line; nothing runs",
        "vesiflow check exosome --line sim --volume '1.5 L'",
    ),
    Command(
        LOOK,
        "recipe list",
        "console.recipe:list_",
        "list the packaged recipes",
        "vesiflow recipe list",
    ),
    Command(
        LOOK,
        "recipe show",
        "console.recipe:show",
        "print the control recipe with computed durations",
        "vesiflow recipe show exosome --line sim",
    ),
    Command(
        LOOK,
        "recipe parameters",
        "console.recipe:parameters",
        "list what recipes may say",
        "vesiflow recipe parameters tff",
    ),
    Command(
        LOOK,
        "deck show",
        "console.deck:show",
        "show labware, volumes and tips of a line's decks",
        "vesiflow deck show sim --image deck.svg",
    ),
    Command(
        LOOK,
        "deck plan",
        "console.deck:plan",
        "show what a recipe will pipette",
        "vesiflow deck plan electroporation --line sim",
    ),
    Command(
        LINE,
        "deck declare",
        "console.deck_entries:declare",
        "say what is in a well of the deck",
        "vesiflow deck declare plate:A2 '90 uL' --liquid EV --reason 'looked at the plate'",
    ),
    Command(
        LINE,
        "deck tips",
        "console.deck_entries:tips",
        "say that tip racks were exchanged",
        "vesiflow deck tips tips_300_1",
    ),
    Command(
        LINE,
        "deck measured",
        "console.deck_entries:measured",
        "say that provisional labware was measured",
        "vesiflow deck measured btx_plate_96_2mm --reason 'report 17, A. Lovelace'",
    ),
    Command(
        LINE,
        "deck recover",
        "console.deck_entries:recover",
        "decide about the failed command of a robot that waits",
        "vesiflow deck recover retry --reason 'clot removed'",
    ),
    Command(
        LOOK,
        "model",
        "console.model:model",
        "evaluate one case of a process model",
        "vesiflow model tff run.yaml --json",
    ),
    Command(
        LOOK,
        "explore",
        "console.explore:explore",
        "sample a recipe's parameters on the simulated plant, on all cores",
        "vesiflow explore exosome --vary primary_drying.temperature='-34..-26 degC' --samples 64 --plot what-if.svg",
    ),
    Command(
        LOOK,
        "optimise lyophilization",
        "console.optimise:lyophilization",
        "find the fastest freeze-drying programme below collapse",
        "vesiflow optimise lyophilization exosome --margin '2 K' --plot design-space.svg",
    ),
    Command(LOOK, "faults list", "console.faults:list_", "list the catalogue of faults", "vesiflow faults list"),
    Command(
        LOOK,
        "faults run",
        "console.faults:run_",
        "run faults on short batches: noticed, reaction, time to safe",
        "vesiflow faults run TFF --junit faults.xml",
    ),
    Command(LOOK, "batch list", "console.batch:list_", "list the batches of this data folder", "vesiflow batch list"),
    Command(
        LOOK,
        "batch show",
        "console.batch:show",
        "print the record of a batch",
        "vesiflow batch show exosome-20260105-0800-7K2M",
    ),
    Command(
        LOOK,
        "batch report",
        "console.batch:report",
        "write the report of a batch as HTML",
        "vesiflow batch report exosome-20260105-0800-7K2M",
    ),
    Command(
        LOOK,
        "batch verify",
        "console.batch:verify",
        "check that the journal of a line was not changed",
        "vesiflow batch verify sim",
    ),
    Command(
        LOOK,
        "batch replay",
        "console.batch:replay",
        "read the journal of a batch as this version would have written it",
        "vesiflow batch replay exosome-20260105-0800-7K2M",
    ),
    Command(
        LOOK,
        "batch export",
        "console.batch:export",
        "export the record of a batch for other programs",
        "vesiflow batch export exosome-20260105-0800-7K2M out/",
    ),
    Command(
        LOOK,
        "batch backup",
        "console.batch:backup",
        "copy all journals and records, verified",
        "vesiflow batch backup /srv/vesiflow-backup/2026-11-27",
    ),
    Command(LINE, "line list", "console.line:list_lines", "list the packaged lines", "vesiflow line list"),
    Command(
        LINE,
        "line check",
        "console.line:check",
        "ask every instrument of a line who it is",
        "vesiflow line check sim",
    ),
    Command(
        LINE,
        "line scan",
        "console.scan:scan",
        "list the serial ports and who answers on them",
        "vesiflow line scan /dev/ttyUSB0",
    ),
    Command(
        LINE,
        "line serve",
        "console.line:serve",
        "own a line: its controller as a service",
        "vesiflow line serve sim --port 4300",
    ),
    Command(
        LINE,
        "line status",
        "console.control:status",
        "show batches, doubts and prompts of a running line",
        "vesiflow line status --line sim",
    ),
    Command(
        LINE,
        "line hold",
        "console.control:hold",
        "hold a batch: the product is kept safe",
        "vesiflow line hold --who Ada --reason 'filter change'",
    ),
    Command(
        LINE,
        "line restart",
        "console.control:restart",
        "let a held batch go on",
        "vesiflow line restart --who Ada --reason 'filter changed'",
    ),
    Command(
        LINE,
        "line suspend",
        "console.control:suspend",
        "suspend a batch for a cause from outside",
        "vesiflow line suspend --who Ada --reason 'no cooling water'",
    ),
    Command(
        LINE,
        "line unsuspend",
        "console.control:unsuspend",
        "let a suspended batch go on",
        "vesiflow line unsuspend --who Ada --reason 'cooling water is back'",
    ),
    Command(
        LINE,
        "line stop",
        "console.control:stop",
        "stop a batch in order",
        "vesiflow line stop --batch exosome-20260105-0800-7K2M --who Ada",
    ),
    Command(
        LINE,
        "line abort",
        "console.control:abort",
        "abort a batch at once",
        "vesiflow line abort --who Ada --reason leak",
    ),
    Command(
        LINE, "line clear", "console.control:clear", "acknowledge an aborted batch", "vesiflow line clear --who Ada"
    ),
    Command(
        LINE,
        "line reset",
        "console.control:reset",
        "bring a stopped or complete batch back to idle",
        "vesiflow line reset --who Ada",
    ),
    Command(
        LINE,
        "line doubts",
        "console.control:doubts",
        "list actions that may or may not have happened",
        "vesiflow line doubts",
    ),
    Command(
        LINE,
        "line resolve",
        "console.control:resolve",
        "decide about an action in doubt",
        "vesiflow line resolve 01KE6W3P4M6Z1J3GQ2M4V5A7CD done --reason 'valve stands at B'",
    ),
    Command(LINE, "line prompt", "console.control:prompt", "show what the operator is asked", "vesiflow line prompt"),
    Command(
        LINE,
        "line answer",
        "console.control:answer",
        "answer what the operator is asked",
        "vesiflow line answer volume='25 mL' --who Ada",
    ),
    Command(
        LINE, "line events", "console.control:events", "print the journal of a line", "vesiflow line events --follow"
    ),
    Command(
        LINE,
        "line alarms",
        "console.alarms:alarms",
        "show what needs an answer, the most urgent first",
        "vesiflow line alarms",
    ),
    Command(
        LINE,
        "line acknowledge",
        "console.alarms:acknowledge",
        "say that you have seen an alarm",
        "vesiflow line acknowledge tff.tmp@EXO-0042 --who Ada --comment 'membrane rinsed'",
    ),
    Command(
        LINE,
        "line shelve",
        "console.alarms:shelve",
        "put an alarm aside for a while",
        "vesiflow line shelve tff.fouling@EXO-0042 --reason 'known membrane' --duration '30 min'",
    ),
    Command(
        LINE,
        "line unlatch",
        "console.alarms:unlatch",
        "reset a latched alarm whose cause is gone",
        "vesiflow line unlatch tff.integrity@EXO-0042 --reason 'module changed'",
    ),
    Command(
        LINE,
        "device",
        "console.device:device",
        "call one method of an instrument by hand, within the limits of the line",
        "vesiflow device tff.feed_pump set_flow '88 mL/min' --line bench.yaml",
    ),
    Command(
        LINE,
        "capture",
        "console.capture:capture",
        "record a session with an instrument that a test can replay",
        "vesiflow capture tff.permeate_balance permeate.capture --line bench.yaml",
    ),
    Command(
        LINE,
        "sim serve",
        "console.sim:serve",
        "serve the emulated instruments of a simulated line",
        "vesiflow sim serve sim --tcp --speed 50 --write-line emulated.yaml",
    ),
    Command(
        SERVE,
        "deploy",
        "console.deploy:deploy",
        "put the flows of a line onto a Prefect server",
        "vesiflow deploy --server http://127.0.0.1:4200",
    ),
    Command(
        SERVE,
        "doctor",
        "console.doctor:doctor",
        "check this machine and say how to mend it",
        "vesiflow doctor --server http://127.0.0.1:4200",
    ),
)
