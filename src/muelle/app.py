"""The composition root: settings and packs become an App, which closes what it opened in reverse.

Nothing else knows every room. Tests build the same App on memory twins: `open_app(settings, home=None)`.
"""

import os
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muelle.core import (
    Clock,
    Ids,
    Invalid,
    Metrics,
    NoMetrics,
    NoTracer,
    OpenTelemetryTracer,
    Secret,
    Tracer,
    read_settings,
)
from muelle.egress import (
    CALL_LIMITS,
    Api,
    Credential,
    Egress,
    EgressParts,
    KeyFiles,
    MemoryRegister,
    MemoryUses,
    Register,
    SqlRegister,
    SqlUses,
    Uses,
    open_egress,
    open_envelope,
)
from muelle.engine import Engine, JobKind, Jobs, JobStep, Queue, SqlJournal
from muelle.identity import (
    Acts,
    AuditTrail,
    Budgets,
    Chain,
    Identity,
    IdentityStore,
    MemoryAuditTrail,
    MemoryIdentityStore,
    People,
    SqlAuditTrail,
    SqlChain,
    SqlIdentityStore,
    Unchained,
)
from muelle.memory import Memory
from muelle.packs import JobType, Limits, OpenedPacks, Pack, divide_settings, find_packs, open_packs
from muelle.resilience import open_limits
from muelle.settings import Settings
from muelle.stores import (
    Blobs,
    Database,
    DiskBlobs,
    KeyValues,
    MemoryBlobs,
    MemoryKeyValues,
    MemoryVault,
    SqlKeyValues,
    Vault,
    open_clock,
    open_database,
    open_memory,
    open_vault,
)
from muelle.stores.checks import check_secret
from muelle.stores.vault import make_key, read_key
from muelle.workflows import Catalogue, Planner, Surroundings, Workflows
from muelle.workflows.capabilities import Capabilities
from muelle.workflows.children import Children
from muelle.workflows.history import Executions
from muelle.workflows.limited import limited
from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.runs import Runs
from muelle.workflows.service import BoundHttp
from muelle.workflows.submissions.service import Submissions
from muelle.workflows.submissions.streams import Streams

if TYPE_CHECKING:
    from muelle.workflows.versions.opening import SavedDoors

SETTINGS_FILE = "muelle.toml"
LIMIT_NAMES = CALL_LIMITS | {item.name for item in fields(Limits)}


class UnreadableSettings(Invalid):
    """The settings file is not TOML."""

    code = "unreadable_settings"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the home folder and the environment say: the settings tree, and what concerns packs."""

    settings: Settings
    packs: Mapping[str, Any]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that lasts: on a database, or in memory."""

    database: Database
    blobs: Blobs
    values: KeyValues
    vault: Vault
    journal: SqlJournal
    identity: IdentityStore
    trail: AuditTrail
    chain: Chain
    apis: Register[Api]
    credentials: Register[Credential]
    uses: Uses


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A running Muelle. `admin_key` is the owner's new key if this start made one; it is shown once.

    `saved` opens saved workflows when they are first asked for.
    """

    settings: Settings
    clock: Clock
    ids: Ids
    metrics: Metrics
    stores: Stores
    identity: Identity
    budgets: Budgets
    egress: Egress
    packs: OpenedPacks
    engine: Engine
    workflows: Workflows
    saved: Callable[[], "SavedDoors"]
    runs: Runs
    submissions: Submissions
    streams: Streams
    jobs: Jobs
    executions: Executions
    capabilities: Capabilities
    planner: Planner
    people: People
    memory: Memory
    admin_key: Secret | None


def read_configuration(home: Path | None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read `muelle.toml` under `home`, if it is there, and the environment; raise what is wrong with them."""
    environment = os.environ if environment is None else environment
    parts = divide_settings(_file(home), environment)
    settings = read_settings(Settings, parts.other_file, parts.other_environment)
    return Configuration(settings, parts.tables, parts.environment)


def _file(home: Path | None) -> dict[str, Any]:
    path = None if home is None else home / SETTINGS_FILE
    if path is None or not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableSettings(file=path.name, reason=str(error)) from None


@asynccontextmanager
async def open_app(
    configuration: Configuration,
    home: Path | None,
    *,
    packs: Sequence[Pack] = (),
    clock: Clock | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[App]:
    """Open everything: on the database that the settings name, with files under `home`, or in memory without one."""
    settings = configuration.settings
    metrics = metrics or NoMetrics()
    known = find_packs((BUILT_IN, *packs), settings.packs.disabled)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, home))
        if clock is None:
            clock = await stack.enter_async_context(open_clock(stores.database))
        ids = Ids(clock)
        identity = Identity(stores.identity, stores.trail, clock, LIMIT_NAMES, settings.identity, stores.chain)
        admin_key = await identity.ensure_owner()
        limiter = await stack.enter_async_context(open_limits(settings.limits, clock, metrics))
        budgets = Budgets(limiter, settings.limits)
        outbound = _egress_parts(settings, stores, identity, clock, metrics, home)
        egress = await stack.enter_async_context(open_egress(replace(outbound, budgets=budgets)))
        opened = await stack.enter_async_context(open_packs(known, configuration.packs, configuration.environment))
        planner = Planner(Catalogue(limited(known.operations, budgets)), settings.workflows)
        limits = settings.workflows.limits
        engine = Engine(Queue(stores.database, clock), stores.journal, clock, ids, metrics, settings.engine)
        children = Children()
        tracer = stack.enter_context(_tracer(settings.telemetry.traces))
        among = _among(stores, engine, opened, Telemetry(metrics, tracer), children, limits)
        workflows = Workflows(planner, among, egress)
        jobs = _jobs_of(opened, Jobs(engine, clock), identity, egress)
        saved = _saved(stores, workflows, clock, ids, settings)
        runs = Runs(workflows, identity, lambda: saved().documents)
        workflows.recall, children.runs = runs.of_run, runs
        stack.push_async_callback(engine.drain)
        yield App(
            settings=settings,
            clock=clock,
            ids=ids,
            metrics=metrics,
            stores=stores,
            identity=identity,
            budgets=budgets,
            egress=egress,
            packs=opened,
            engine=engine,
            workflows=workflows,
            saved=saved,
            runs=runs,
            submissions=Submissions(workflows, runs, settings.workflows.submissions),
            streams=Streams(runs, engine, clock, settings.workflows.submissions),
            jobs=jobs,
            executions=Executions(stores.journal, engine.waits, planner, limits),
            capabilities=Capabilities(workflows, planner, egress.apis, egress.credentials),
            planner=planner,
            people=People(stores=stores, identity=identity, clock=clock, settings=settings.identity, home=home),
            memory=await stack.enter_async_context(Memory(stores.database, stores.trail, clock, settings.memory, home)),
            admin_key=Secret(admin_key) if admin_key else None,
        )


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where measurements and spans go."""

    metrics: Metrics
    tracer: Tracer


def _among(
    stores: Stores, engine: Engine, opened: OpenedPacks, telemetry: Telemetry, children: Children, limits: Limits
) -> Surroundings:
    ids = Ids(engine.clock)
    return Surroundings(
        clock=engine.clock,
        ids=ids,
        metrics=telemetry.metrics,
        journal=stores.journal,
        engine=engine,
        trail=stores.trail,
        acts=Acts(engine.clock, ids),
        blobs=stores.blobs,
        values=stores.values,
        resources=opened.operations,
        limits=limits,
        tracer=telemetry.tracer,
        children=children,
    )


def _saved(
    stores: Stores, workflows: Workflows, clock: Clock, ids: Ids, settings: Settings
) -> Callable[[], "SavedDoors"]:
    """Return what opens saved workflows, which most runs do without."""

    def opened() -> "SavedDoors":
        from muelle.workflows.versions.opening import open_saved  # noqa: PLC0415 - JSON Schema loads in 60 ms

        return open_saved(stores.database, workflows, stores.trail, clock, ids, settings.workflows.saved)

    return cache(opened)


def _jobs_of(opened: OpenedPacks, jobs: Jobs, identity: Identity, egress: Egress) -> Jobs:
    """Make the jobs of packs known; what they call, they call with the grants of whoever handed them in."""

    async def calls(step: JobStep) -> BoundHttp:
        return BoundHttp(egress, await identity.principal(step.tenant, step.principal))

    for pack in opened.packs.packs:
        for job in pack.jobs:
            jobs.register(
                JobKind(
                    name=job.name,
                    payload=job.payload,
                    perform=partial(_perform_job, job, opened.resources[pack.name], calls),
                    summary=job.summary,
                    attempts=job.attempts,
                    pause_seconds=job.pause_seconds,
                    queue=job.queue,
                    priority=job.priority,
                )
            )
    return jobs


async def _perform_job(
    job: JobType[Any],
    resource: Any,  # noqa: ANN401 - the pack's own type, as below
    calls: Callable[[JobStep], Awaitable[BoundHttp]],
    payload: Any,  # noqa: ANN401 - as above
    step: JobStep,
) -> Any:  # noqa: ANN401 - any JSON value
    step.resource = resource
    step.http = await calls(step)
    return await job.perform(payload, step)


def _egress_parts(
    settings: Settings, stores: Stores, identity: Identity, clock: Clock, metrics: Metrics, home: Path | None
) -> EgressParts:
    return EgressParts(
        apis=stores.apis,
        credentials=stores.credentials,
        vault=stores.vault,
        uses=stores.uses,
        environment=os.environ,
        database=stores.database,
        addresses=identity,
        trail=stores.trail,
        settings=settings.egress,
        clock=clock,
        metrics=metrics,
        home=home,
    )


@contextmanager
def _tracer(endpoint: str) -> Iterator[Tracer]:
    """Open what sends spans to an endpoint, or what sends none; what is left is sent at the end."""
    if not endpoint:
        yield NoTracer()
        return
    tracer = OpenTelemetryTracer(endpoint)
    try:
        yield tracer
    finally:
        tracer.close()


@asynccontextmanager
async def open_stores(settings: Settings, home: Path | None) -> AsyncIterator[Stores]:
    """Open what lasts, or its twins in memory where there is no home."""
    if home is None:
        async with open_memory(settings.stores) as database:
            yield _in_memory(settings, database)
        return
    async with open_database(home, settings.stores) as database:
        blobs = DiskBlobs(home / settings.stores.blobs, settings.stores)
        key_file = home / settings.stores.key_file
        await open_vault(database, key_file)  # makes the key at the first start, or says what is wrong with it
        vault = await open_envelope(database, key_file, KeyFiles(read_key, make_key, check_secret))
        chain = await SqlChain.open(database, vault)
        yield Stores(
            database=database,
            blobs=blobs,
            values=SqlKeyValues(database, settings.stores),
            vault=vault,
            journal=SqlJournal(database, blobs, settings.engine),
            identity=SqlIdentityStore(database),
            trail=SqlAuditTrail(database),
            chain=chain,
            apis=SqlRegister(database, Api),
            credentials=SqlRegister(database, Credential),
            uses=SqlUses(database),
        )


def _in_memory(settings: Settings, database: Database) -> Stores:
    trail = MemoryAuditTrail()
    blobs = MemoryBlobs(settings.stores)
    return Stores(
        database=database,
        blobs=blobs,
        values=MemoryKeyValues(settings.stores),
        vault=MemoryVault(),
        journal=SqlJournal(database, blobs, settings.engine),
        identity=MemoryIdentityStore(trail),
        trail=trail,
        chain=Unchained(),
        apis=MemoryRegister(),
        credentials=MemoryRegister(),
        uses=MemoryUses(),
    )
