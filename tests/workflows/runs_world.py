"""A Muelle in memory with a pack whose operations tell what was done, and in which order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from muelle.app import App, Configuration, open_app, read_configuration
from muelle.core import ManualClock, MuelleError
from muelle.identity import Principal
from muelle.packs import Json, OperationType, Pack, ReadPath, Step, WritePath
from muelle.workflows import Outcome, plain_answer


class Broken(MuelleError):
    """It does not work."""

    code = "broken"
    category = "execution"
    suggestions = ("Try something else.",)


class Act(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Do something that can be seen."""

    say: Annotated[Any, msgspec.Meta(description="What to say.")] = None
    input_path: Annotated[ReadPath | None, msgspec.Meta(description="What to read first.")] = None
    fails: Annotated[bool, msgspec.Meta(description="Whether to fail.")] = False
    crashes: Annotated[bool, msgspec.Meta(description="Whether to crash.")] = False
    seconds: Annotated[float, msgspec.Meta(description="How long to take, in seconds.")] = 0
    output_path: Annotated[WritePath | None, msgspec.Meta(description="Where the output goes.")] = None


@dataclass
class Stage:
    """What the operations of the test pack leave behind."""

    said: list[Json] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    def act(self, config: Act, step: Step[Any]) -> Json:
        heard = step.read(config.input_path) if config.input_path else None
        said = config.say if config.say is not None else heard
        self.said.append(said)
        if config.fails:
            raise Broken(operation=step.operation)
        if config.crashes:
            raise ZeroDivisionError
        return said

    async def act_slowly(self, config: Act, step: Step[Any]) -> Json:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await step.sleep(config.seconds)
        finally:
            self.under_way -= 1
        return self.act(config, step)

    def pack(self) -> Pack:
        async def slow(config: Act, step: Step[Any]) -> Json:
            return await self.act_slowly(config, step)

        example = {"say": "hello"}
        return Pack(
            name="stage",
            operations=(
                OperationType(name="Say", summary="Pure.", config=Act, perform=self.act, example=example),
                OperationType(
                    name="Ask", summary="Waits, safe.", config=Act, perform=slow, effects="reads", example=example
                ),
                OperationType(
                    name="Do",
                    summary="Waits, has effects.",
                    config=Act,
                    perform=slow,
                    effects="writes",
                    example=example,
                ),
            ),
        )


@dataclass
class World:
    """An App, its operator, its clock, and the stage."""

    app: App
    me: Principal
    clock: ManualClock
    stage: Stage

    async def outcome(self, *operations: dict[str, Any], inputs: dict[str, Any] | None = None, **begin: Any) -> Outcome:
        """Run operations, moving the clock on whenever all that is left to do is to wait for it."""
        run = asyncio.create_task(self.app.workflows.run(self.me, document(*operations, **begin), inputs))
        while not run.done():
            await asyncio.sleep(0)
            if self.clock.sleepers:
                await self.settle()
                self.clock.forward(seconds=1)
        return await run

    async def settle(self) -> None:
        """Let everything that can go on without the clock go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def run(self, *operations: dict[str, Any], inputs: dict[str, Any] | None = None, **begin: Any) -> Any:
        return plain_answer(await self.outcome(*operations, inputs=inputs, **begin))


def document(*operations: dict[str, Any], **begin: Any) -> bytes:
    """Return a document in the nested dialect."""
    update = {"operationUpdate": {"workflowId": "tale", "operations": list(operations)}}
    messages = [update, {"beginExecution": {"workflowId": "tale", **begin}}] if begin else [update]
    return "\n".join(json.dumps(message) for message in messages).encode()


def op(name: str, kind: str, /, **config: Any) -> dict[str, Any]:
    """Return an operation; `on_error` stands beside its config."""
    on_error = config.pop("on_error", None)
    made: dict[str, Any] = {"id": name, "operation": {kind: config}}
    return made if on_error is None else {**made, "onError": on_error}


@asynccontextmanager
async def open_world(environment: dict[str, str] | None = None) -> AsyncIterator[World]:
    clock, stage = ManualClock(), Stage()
    configuration: Configuration = read_configuration(None, environment or {})
    async with open_app(configuration, None, packs=[stage.pack()], clock=clock) as app:
        yield World(app, await app.identity.operator(), clock, stage)
