"""Questions of a run to people and to events: asked once, waited for however long, answered from outside."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from muelle.engine import WaitOpened
from muelle.packs import Answer, Question
from muelle.workflows.errors import TimeoutTooLong

if TYPE_CHECKING:
    from muelle.workflows.run import Run

_DAY = 86_400.0  # seconds
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


async def asked(run: "Run", place: str, question: Question, now: datetime) -> Answer | None:
    """Return the answer, or None if there was none in time; a question of an earlier life is not asked again.

    Raises TimeoutTooLong.
    """
    waits, tenant, clock = run.among.engine.waits, run.principal.tenant, run.among.clock
    limit = run.among.engine.settings.wait_days * _DAY
    if question.seconds > limit:
        raise TimeoutTooLong(seconds=question.seconds, limit=limit)
    found = await waits.find(tenant, run.id, place) if run.memory is not None else None
    if found is None:
        run.log.ask(
            WaitOpened(
                run=run.id,
                tenant=tenant,
                place=place,
                kind=question.kind,
                subject=question.subject,
                body=_ENCODE(question.details),
                at=now,
                expires=now + timedelta(seconds=question.seconds),
            )
        )
        await run.log.flush()
        found = await waits.find(tenant, run.id, place)
    else:
        run.log.had_asked()
    if found is not None and found.state == "open" and found.kind == "event":
        from muelle.workflows.event_waits import EventWaits  # noqa: PLC0415 - stands on triggers; few runs need it

        await EventWaits(run.among.engine).look_back(found)
        found = await waits.find(tenant, run.id, place)
    bell = asyncio.Event()
    while found is not None and found.state == "open":
        bell.clear()
        if clock.now() < found.expires:
            await run.pauses.wait_until(found.expires, bell)
        else:
            await waits.close(tenant, run.id, place)
        found = await waits.find(tenant, run.id, place)
    if found is None or found.state != "answered" or found.answered_at is None:
        return None
    return Answer(value=_DECODE(found.answer or b"null"), by=found.answered_by, at=found.answered_at)
