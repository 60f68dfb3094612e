"""What is to be done, from a job as it was handed in and from a row as it was claimed."""

import hashlib
from datetime import datetime

import msgspec

from muelle.core import RunId
from muelle.engine.held import Work
from muelle.engine.model import Job
from muelle.engine.stores.queue import Claimed
from muelle.engine.times import moment


def digest_of(job: Job) -> bytes:
    """Return what tells one request from another under the same key."""
    parts = (job.kind, job.name, job.plan, job.payload, job.version, job.asked)
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()


def work_of(job: Job, run: RunId, accepted: datetime, *, is_new: bool) -> Work:
    """Return the work of a job that begins at once."""
    return Work(
        run=run,
        tenant=job.tenant,
        principal=job.principal,
        kind=job.kind,
        name=job.name,
        plan=job.plan,
        document=job.document,
        payload=job.payload,
        accepted=accepted,
        began=None,
        cause=job.cause,
        version=job.version,
        priority=job.priority,
        deadline=job.deadline,
        is_new=is_new,
    )


def work_claimed(claimed: Claimed) -> Work:
    """Return the work of a run that was claimed; its payload may still be packed."""
    run, principal, kind, name, plan, inputs, started, cause, version, began, deadline = claimed.row
    return Work(
        run=run,
        tenant=claimed.tenant,
        principal=principal,
        kind=kind,
        name=name,
        plan=plan,
        document=b"",
        payload=inputs,
        accepted=moment(started),
        began=None if began is None else moment(began),
        cause=cause,
        version=version,
        priority=claimed.priority,
        deadline=None if deadline is None else moment(deadline),
        is_new=began is None and claimed.epoch == 1 and not cause.startswith("rerun:"),
    )
