"""The answer flow: what a person says to the line, from Prefect's page, by REST or by an automation."""

from __future__ import annotations

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from flows import no_pickle
from flows.line_token import line_token
from line.connect import service
from line.service import url_of
from records.store import Store
from vesiflow.errors import Refused

no_pickle.forbid()


class AnswerOrder(BaseModel):
    """Who answers what the line asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    line: str = Field(
        min_length=1, max_length=300, title="Line", description="Name of the line that asks", examples=["sim"]
    )
    action: str = Field(
        min_length=1,
        max_length=100,
        title="Action",
        description="What is asked, as the run says: an answer to another question is refused",
        examples=["approve", "sample", "install module"],
    )
    who: str = Field(min_length=1, max_length=100, title="Who", description="Your name; it goes into the batch record")
    values: dict[str, str] = Field(
        default={},
        title="Values",
        description="One text per field of the question; a bare number is in the field's unit",
        examples=[{"approved": "yes"}, {"volume": "0.5 mL"}],
    )
    controller: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+(/.*)?$",
        title="Line controller",
        description="URL of the line controller service; empty: the one on this machine",
        examples=["http://127.0.0.1:4300"],
    )


@flow(name="answer", flow_run_name="{order.action} by {order.who}", retries=0, persist_result=False)
async def answer(order: AnswerOrder) -> dict[str, str]:
    """Answer what a line asks a person; fails, and changes nothing, when the answer does not fit the question.

    Args:
        order: which line, who, and the values
    """
    async with service(order.controller or url_of(Store(), order.line), order.line, await line_token()) as client:
        asked = await client.prompt()
        if asked is None or asked["action"] != order.action:
            now = "nothing" if asked is None else f"{asked['action']}: {asked['text']}"
            raise Refused(f"line {order.line} asks {now}", action=order.action, remedy="see `vesiflow line prompt`")
        await client.answer(order.values, order.who)
    return {"action": order.action, "by": order.who, **order.values}
