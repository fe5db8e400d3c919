import json
from typing import Any

import pytest

from sim.wire.operator import Operator
from sim.wire.robot import Robot


def line(request: object) -> bytes:
    return json.dumps(request).encode() + b"\n"


def answers(heard: bytes) -> list[dict[str, Any]]:
    return [json.loads(one) for one in heard.splitlines()]


def obliging(action: str, details: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], float]:
    if action == "jump":
        raise ValueError("not in the lab")
    return {"lot": details.get("lot", ""), **dict.fromkeys(fields, "yes")}, 30.0


def test_operator_answers_when_the_work_is_done(time, host):
    operator = Operator(time, obliging)
    request = {"id": 7, "action": "scan", "text": "scan it", "details": {"lot": "L1"}, "fields": {"ok": "yes/no"}}
    heard = answers(host.ask(operator, line(request), patience=60))
    assert heard == [{"id": 7, "values": {"lot": "L1", "ok": "yes"}, "by": "simulated operator"}]
    assert host.took == pytest.approx(30.0)


def test_operator_does_one_thing_at_a_time(time, host):
    operator = Operator(time, obliging)
    operator.receive(line({"id": 1, "action": "a"}) + line({"id": 2, "action": "b"}))
    time.wait(31)
    assert [a["id"] for a in answers(operator.transmit())] == [1]
    time.wait(30)
    assert [a["id"] for a in answers(operator.transmit())] == [2]


@pytest.mark.parametrize(
    ("request_line", "number", "reason"),
    [
        (line({"id": 1, "action": "jump"}), 1, "not in the lab"),
        (line({"id": 2}), 2, "action"),
        (line([1]), None, "not an object"),
        (b"{nonsense\n", None, ""),
        (line({"id": 3, "action": "a", "details": []}), 3, "not understood"),
    ],
)
def test_operator_refuses_with_a_reason(time, host, request_line, number, reason):
    (heard,) = answers(host.ask(Operator(time, obliging), request_line))
    assert heard["id"] == number and reason in heard["refused"]


def test_operator_who_left_forgets_what_was_asked(time, host):
    operator = Operator(time, obliging)
    operator.receive(line({"id": 1, "action": "a"}) + b'{"id": 2, ')
    operator.power_cycle()
    assert host.ask(operator, line({"id": 3, "action": "jump"})).startswith(b'{"id": 3')


CHANNEL = {"channel": 0, "resource": "plate", "well": "A1", "volume_ul": 93.75}


def test_robot_moves_one_after_the_other(time, host):
    seen: list[tuple[str, list[dict[str, Any]]]] = []

    def act(op: str, channels: list[dict[str, Any]]) -> float:
        seen.append((op, channels))
        return 4.0

    robot = Robot(time, act)
    robot.receive(line({"id": 1, "op": "aspirate", "channels": [CHANNEL]}))
    heard = host.ask(robot, line({"id": 2, "op": "dispense", "channels": [CHANNEL]}), patience=20)
    assert answers(heard) == [{"id": 1, "ok": True}, {"id": 2, "ok": True}]
    assert host.took == pytest.approx(8.0)
    assert [op for op, _ in seen] == ["aspirate", "dispense"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"id": 1, "op": "fly", "channels": [CHANNEL]}, "unknown op 'fly'"),
        ({"id": 1, "op": "aspirate"}, "missing channels"),
        ({"id": 1, "op": "aspirate", "channels": []}, "channels must list"),
        ({"id": 1, "op": "aspirate", "channels": [{**CHANNEL, "volume_ul": -1}]}, "volume_ul"),
        ({"id": 1, "op": "aspirate", "channels": [{**CHANNEL, "volume_ul": True}]}, "volume_ul"),
        ({"id": 1, "op": "aspirate", "channels": [{**CHANNEL, "well": 3}]}, "well"),
        ({"id": 1, "op": "aspirate", "channels": [{"channel": 0}]}, "missing resource"),
        ({"id": 1, "op": "aspirate", "channels": [CHANNEL, CHANNEL]}, "named twice"),
        ({"id": 1, "op": "aspirate", "channels": [5]}, "not an object"),
    ],
)
def test_robot_names_what_is_wrong_and_moves_nothing(time, host, request_, reason):
    moves: list[str] = []
    robot = Robot(time, lambda op, _: moves.append(op) or 1.0)
    (heard,) = answers(host.ask(robot, line(request_)))
    assert heard["id"] == 1 and reason in heard["error"]
    assert moves == []


def test_robot_passes_on_what_the_plant_refuses(time, host):
    def act(op: str, channels: list[dict[str, Any]]) -> float:
        raise ValueError("channel 0 holds no tip")

    (heard,) = answers(host.ask(Robot(time, act), line({"id": 9, "op": "drop_tips", "channels": [{**CHANNEL}]})))
    assert heard == {"id": 9, "error": "channel 0 holds no tip"}
