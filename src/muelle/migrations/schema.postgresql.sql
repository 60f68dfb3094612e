CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
--;
CREATE TABLE key_values (
    tenant TEXT NOT NULL, 
    space TEXT NOT NULL, 
    key TEXT NOT NULL, 
    value BYTEA NOT NULL, 
    content_type TEXT NOT NULL, 
    PRIMARY KEY (tenant, space, key)
)
--;
CREATE TABLE secrets (
    tenant TEXT NOT NULL, 
    name TEXT NOT NULL, 
    sealed BYTEA NOT NULL, 
    PRIMARY KEY (tenant, name)
)
--;
INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING alembic_version.version_num
--;
CREATE TABLE plans (
    tenant TEXT NOT NULL, 
    plan TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, plan)
)
--;
CREATE TABLE runs (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    workflow TEXT NOT NULL, 
    plan TEXT NOT NULL, 
    inputs BYTEA NOT NULL, 
    status TEXT NOT NULL, 
    started BIGINT NOT NULL, 
    finished BIGINT, 
    took BIGINT, 
    succeeded BIGINT NOT NULL, 
    failed BIGINT NOT NULL, 
    skipped BIGINT NOT NULL, 
    error BYTEA, 
    PRIMARY KEY (tenant, run)
)
--;
CREATE INDEX runs_by_start ON runs (tenant, started, run)
--;
CREATE INDEX runs_by_status ON runs (tenant, status, started, run) WHERE status <> 'success'
--;
CREATE INDEX runs_by_principal ON runs (tenant, principal, started, run)
--;
CREATE TABLE steps (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    sequence BIGINT NOT NULL, 
    operation TEXT NOT NULL, 
    type TEXT NOT NULL, 
    iteration TEXT NOT NULL, 
    status TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    took BIGINT NOT NULL, 
    attempts BIGINT NOT NULL, 
    cached BIGINT NOT NULL, 
    output BYTEA, 
    error BYTEA, 
    PRIMARY KEY (tenant, run, sequence)
)
--;
UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001'
--;
CREATE TABLE identity_tenants (
    id VARCHAR(100) NOT NULL, 
    name TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    limits TEXT NOT NULL, 
    addresses TEXT NOT NULL, 
    PRIMARY KEY (id)
)
--;
CREATE TABLE identity_agents (
    id VARCHAR(100) NOT NULL, 
    tenant VARCHAR(100) NOT NULL, 
    name VARCHAR(100) NOT NULL, 
    kind VARCHAR(20) NOT NULL, 
    description TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    disabled BIGINT NOT NULL, 
    limits TEXT NOT NULL, 
    PRIMARY KEY (id), 
    CONSTRAINT identity_agents_name UNIQUE (tenant, name)
)
--;
CREATE TABLE identity_keys (
    id VARCHAR(100) NOT NULL, 
    tenant VARCHAR(100) NOT NULL, 
    principal VARCHAR(100) NOT NULL, 
    digest VARCHAR(64) NOT NULL, 
    hint VARCHAR(10) NOT NULL, 
    created BIGINT NOT NULL, 
    expires BIGINT, 
    revoked BIGINT, 
    PRIMARY KEY (id)
)
--;
CREATE INDEX identity_keys_principal ON identity_keys (principal, id)
--;
CREATE TABLE identity_grants (
    id VARCHAR(100) NOT NULL, 
    tenant VARCHAR(100) NOT NULL, 
    principal VARCHAR(100) NOT NULL, 
    scope VARCHAR(100) NOT NULL, 
    pattern VARCHAR(500) NOT NULL, 
    created BIGINT NOT NULL, 
    PRIMARY KEY (id), 
    CONSTRAINT identity_grants_rule UNIQUE (principal, scope, pattern)
)
--;
CREATE TABLE identity_acts (
    id VARCHAR(100) NOT NULL, 
    tenant VARCHAR(100) NOT NULL, 
    principal VARCHAR(100), 
    action VARCHAR(200) NOT NULL, 
    resource TEXT NOT NULL, 
    decision VARCHAR(20) NOT NULL, 
    at BIGINT NOT NULL, 
    request TEXT NOT NULL, 
    detail TEXT NOT NULL, 
    PRIMARY KEY (tenant, at, id)
)
--;
CREATE TABLE identity_epoch (
    id BIGINT NOT NULL, 
    epoch BIGINT NOT NULL, 
    PRIMARY KEY (id)
)
--;
INSERT INTO identity_epoch (id, epoch) VALUES (1, 0)
--;
UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002'
--;
CREATE TABLE egress_apis (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE TABLE egress_credentials (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003'
--;
DROP TABLE steps
--;
ALTER TABLE plans ADD COLUMN used BIGINT DEFAULT '0' NOT NULL
--;
ALTER TABLE runs ADD COLUMN kind TEXT DEFAULT 'workflow' NOT NULL
--;
ALTER TABLE runs ADD COLUMN cause TEXT DEFAULT '' NOT NULL
--;
ALTER TABLE runs ADD COLUMN version TEXT DEFAULT '' NOT NULL
--;
ALTER TABLE runs ADD COLUMN began BIGINT
--;
ALTER TABLE runs ADD COLUMN deadline BIGINT
--;
ALTER TABLE runs ADD COLUMN takeovers BIGINT DEFAULT '0' NOT NULL
--;
CREATE INDEX runs_by_workflow ON runs (tenant, workflow, started, run)
--;
CREATE INDEX runs_by_both ON runs (tenant, principal, workflow, started, run)
--;
CREATE INDEX runs_by_cause ON runs (tenant, cause, started, run) WHERE cause <> ''
--;
ALTER TABLE runs DROP CONSTRAINT runs_pkey, ADD PRIMARY KEY (tenant, run)
--;
CREATE TABLE journal (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    sequence BIGINT NOT NULL, 
    entries BYTEA NOT NULL, 
    PRIMARY KEY (tenant, run, sequence)
)
--;
CREATE TABLE workers (
    worker TEXT NOT NULL, 
    name TEXT DEFAULT '' NOT NULL, 
    queues TEXT DEFAULT '' NOT NULL, 
    places BIGINT DEFAULT '0' NOT NULL, 
    started BIGINT DEFAULT '0' NOT NULL, 
    deadline BIGINT DEFAULT '0' NOT NULL, 
    alive BIGINT DEFAULT '1' NOT NULL, 
    PRIMARY KEY (worker)
)
--;
CREATE TABLE fences (
    alive BIGINT, 
    CONSTRAINT fence_alive CHECK (alive = 1)
)
--;
CREATE TABLE jobs (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    queue TEXT NOT NULL, 
    priority BIGINT NOT NULL, 
    run_at BIGINT NOT NULL, 
    state TEXT NOT NULL, 
    worker TEXT, 
    epoch BIGINT DEFAULT '0' NOT NULL, 
    request TEXT DEFAULT '' NOT NULL, 
    nudged BIGINT DEFAULT '0' NOT NULL, 
    takeovers BIGINT DEFAULT '0' NOT NULL, 
    failures BIGINT DEFAULT '0' NOT NULL, 
    claimed BIGINT, 
    is_keyed BIGINT DEFAULT '0' NOT NULL, 
    concurrency_key TEXT DEFAULT '' NOT NULL, 
    concurrency BIGINT DEFAULT '0' NOT NULL, 
    rate_key TEXT DEFAULT '' NOT NULL, 
    rate BIGINT DEFAULT '0' NOT NULL, 
    rate_micros BIGINT DEFAULT '0' NOT NULL, 
    PRIMARY KEY (tenant, run)
)
--;
CREATE INDEX jobs_ready ON jobs (is_keyed, queue, tenant, priority, run_at, run) WHERE worker IS NULL AND state = 'ready'
--;
CREATE INDEX jobs_sleeping ON jobs (run_at) WHERE state = 'sleeping'
--;
CREATE INDEX jobs_held ON jobs (worker) WHERE worker IS NOT NULL
--;
CREATE INDEX jobs_dead ON jobs (tenant, run) WHERE state = 'dead'
--;
CREATE INDEX jobs_by_key ON jobs (tenant, concurrency_key) WHERE concurrency_key <> '' AND worker IS NOT NULL
--;
CREATE TABLE limit_keys (
    tenant TEXT NOT NULL, 
    key TEXT NOT NULL, 
    used BIGINT DEFAULT '0' NOT NULL, 
    since BIGINT DEFAULT '0' NOT NULL, 
    paused_until BIGINT DEFAULT '0' NOT NULL, 
    PRIMARY KEY (tenant, key)
)
--;
CREATE TABLE submissions (
    tenant TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    key TEXT NOT NULL, 
    run TEXT NOT NULL, 
    digest BYTEA NOT NULL, 
    at BIGINT NOT NULL, 
    PRIMARY KEY (tenant, principal, key)
)
--;
CREATE INDEX submissions_by_age ON submissions (at)
--;
CREATE TABLE events (
    position BIGSERIAL NOT NULL, 
    id TEXT NOT NULL, 
    tenant TEXT NOT NULL, 
    type TEXT NOT NULL, 
    source TEXT NOT NULL, 
    subject TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    data BYTEA NOT NULL, 
    PRIMARY KEY (position)
)
--;
ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()
--;
CREATE INDEX events_in_order ON events (xid, position)
--;
CREATE TABLE cursors (
    consumer TEXT NOT NULL, 
    xid TEXT DEFAULT '0' NOT NULL, 
    position BIGINT DEFAULT '0' NOT NULL, 
    holder TEXT DEFAULT '' NOT NULL, 
    held_until BIGINT DEFAULT '0' NOT NULL, 
    PRIMARY KEY (consumer)
)
--;
CREATE TABLE waits (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    place TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    subject TEXT NOT NULL, 
    body BYTEA NOT NULL, 
    created BIGINT NOT NULL, 
    expires BIGINT NOT NULL, 
    state TEXT NOT NULL, 
    answer BYTEA, 
    answered_by TEXT DEFAULT '' NOT NULL, 
    answered_at BIGINT, 
    PRIMARY KEY (tenant, run, place)
)
--;
CREATE INDEX waits_open ON waits (tenant, kind, created, run) WHERE state = 'open'
--;
UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004'
--;
CREATE TABLE schedules (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    revision BIGINT NOT NULL, 
    next_at BIGINT, 
    wake_at BIGINT, 
    waiting_at BIGINT, 
    last_at BIGINT, 
    last_run TEXT, 
    problem TEXT NOT NULL, 
    claim TEXT NOT NULL, 
    claimed_until BIGINT NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE INDEX schedules_by_wake ON schedules (wake_at) WHERE wake_at IS NOT NULL
--;
UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005'
--;
CREATE TABLE workflows_saved (
    tenant TEXT NOT NULL, 
    name TEXT COLLATE "C" NOT NULL, 
    searched TEXT NOT NULL, 
    head BYTEA NOT NULL, 
    PRIMARY KEY (tenant, name)
)
--;
CREATE TABLE workflows_versions (
    tenant TEXT NOT NULL, 
    workflow TEXT NOT NULL, 
    version TEXT NOT NULL, 
    release BYTEA NOT NULL, 
    PRIMARY KEY (tenant, workflow, version)
)
--;
CREATE TABLE workflows_contents (
    tenant TEXT NOT NULL, 
    workflow TEXT NOT NULL, 
    version TEXT NOT NULL, 
    content BYTEA NOT NULL, 
    PRIMARY KEY (tenant, workflow, version)
)
--;
CREATE TABLE workflows_changes (
    tenant TEXT NOT NULL, 
    workflow TEXT NOT NULL, 
    revision BIGINT NOT NULL, 
    entry BYTEA NOT NULL, 
    PRIMARY KEY (tenant, workflow, revision)
)
--;
UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006'
--;
CREATE TABLE triggers (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    enabled BIGINT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, id), 
    CONSTRAINT triggers_name UNIQUE (tenant, name)
)
--;
CREATE TABLE trigger_epoch (
    id BIGINT NOT NULL, 
    epoch BIGINT NOT NULL, 
    PRIMARY KEY (id)
)
--;
INSERT INTO trigger_epoch (id, epoch) VALUES (1, 0)
--;
CREATE TABLE trigger_deliveries (
    tenant TEXT NOT NULL, 
    trigger_id TEXT NOT NULL, 
    event TEXT NOT NULL, 
    id TEXT COLLATE "C" NOT NULL, 
    type TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    outcome TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    run TEXT, 
    attempts BIGINT NOT NULL, 
    body BYTEA, 
    PRIMARY KEY (tenant, trigger_id, event)
)
--;
CREATE INDEX trigger_deliveries_id ON trigger_deliveries (tenant, trigger_id, id)
--;
CREATE TABLE trigger_receipts (
    tenant TEXT NOT NULL, 
    trigger_id TEXT NOT NULL, 
    mark TEXT NOT NULL, 
    event TEXT NOT NULL, 
    run TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    PRIMARY KEY (tenant, trigger_id, mark)
)
--;
CREATE INDEX trigger_receipts_at ON trigger_receipts (at)
--;
CREATE TABLE trigger_depths (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    depth BIGINT NOT NULL, 
    at BIGINT NOT NULL, 
    PRIMARY KEY (tenant, run)
)
--;
CREATE INDEX trigger_depths_at ON trigger_depths (at)
--;
UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007'
--;
ALTER TABLE runs ADD COLUMN entries BYTEA
--;
UPDATE alembic_version SET version_num='0009' WHERE alembic_version.version_num = '0008'
--;
CREATE TABLE identity_limits (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    target TEXT NOT NULL, 
    rate TEXT NOT NULL, 
    era BIGINT NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE INDEX identity_limits_by_principal ON identity_limits (tenant, principal)
--;
UPDATE alembic_version SET version_num='0010' WHERE alembic_version.version_num = '0009'
--;
ALTER TABLE identity_keys ADD COLUMN rules TEXT
--;
CREATE TABLE token_keys (
    id TEXT NOT NULL, 
    algorithm TEXT NOT NULL, 
    public TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    signs_from BIGINT NOT NULL, 
    verifies_until BIGINT, 
    PRIMARY KEY (id)
)
--;
CREATE TABLE user_sessions (
    id TEXT NOT NULL, 
    tenant TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    method TEXT NOT NULL, 
    address TEXT NOT NULL, 
    client TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    used BIGINT NOT NULL, 
    expires BIGINT NOT NULL, 
    revoked BIGINT, 
    reason TEXT NOT NULL, 
    PRIMARY KEY (id)
)
--;
CREATE INDEX user_sessions_by_principal ON user_sessions (principal, id)
--;
CREATE TABLE user_refresh_tokens (
    digest TEXT NOT NULL, 
    session TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    used BIGINT, 
    PRIMARY KEY (digest)
)
--;
CREATE INDEX user_refresh_tokens_by_session ON user_refresh_tokens (session)
--;
CREATE TABLE users (
    principal TEXT NOT NULL, 
    tenant TEXT NOT NULL, 
    name TEXT NOT NULL, 
    email TEXT NOT NULL, 
    verified BIGINT, 
    password TEXT, 
    created BIGINT NOT NULL, 
    second_factor BIGINT, 
    second_step BIGINT NOT NULL, 
    PRIMARY KEY (principal), 
    CONSTRAINT users_by_email UNIQUE (tenant, email)
)
--;
CREATE UNIQUE INDEX users_by_name ON users (tenant, name)
--;
CREATE TABLE user_recovery_codes (
    principal TEXT NOT NULL, 
    digest TEXT NOT NULL, 
    PRIMARY KEY (principal, digest)
)
--;
CREATE TABLE user_passkeys (
    id TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    name TEXT NOT NULL, 
    public BYTEA NOT NULL, 
    uses BIGINT NOT NULL, 
    created BIGINT NOT NULL, 
    used BIGINT, 
    PRIMARY KEY (id)
)
--;
CREATE INDEX user_passkeys_by_principal ON user_passkeys (principal, id)
--;
CREATE TABLE user_logins (
    tenant TEXT NOT NULL, 
    issuer TEXT NOT NULL, 
    subject TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    PRIMARY KEY (tenant, issuer, subject)
)
--;
CREATE TABLE user_tickets (
    digest TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    tenant TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    email TEXT NOT NULL, 
    content TEXT NOT NULL, 
    expires BIGINT NOT NULL, 
    used BIGINT, 
    PRIMARY KEY (digest)
)
--;
CREATE INDEX user_tickets_by_principal ON user_tickets (principal, kind)
--;
CREATE TABLE user_attempts (
    name TEXT NOT NULL, 
    failures BIGINT NOT NULL, 
    last BIGINT NOT NULL, 
    locked_until BIGINT NOT NULL, 
    PRIMARY KEY (name)
)
--;
CREATE TABLE user_mails (
    id TEXT NOT NULL, 
    due BIGINT NOT NULL, 
    attempts BIGINT NOT NULL, 
    PRIMARY KEY (id)
)
--;
UPDATE alembic_version SET version_num='0011' WHERE alembic_version.version_num = '0010'
--;
CREATE TABLE identity_roles (
    tenant VARCHAR(100) NOT NULL, 
    id VARCHAR(100) NOT NULL, 
    description TEXT NOT NULL, 
    rules TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE TABLE identity_members (
    tenant VARCHAR(100) NOT NULL, 
    id TEXT NOT NULL, 
    principal VARCHAR(100) NOT NULL, 
    role VARCHAR(100) NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE TABLE identity_domains (
    tenant VARCHAR(100) NOT NULL, 
    id VARCHAR(253) NOT NULL, 
    token VARCHAR(100) NOT NULL, 
    created BIGINT NOT NULL, 
    verified BIGINT, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE UNIQUE INDEX identity_domains_verified ON identity_domains (id) WHERE verified IS NOT NULL
--;
CREATE TABLE identity_seals (
    tenant VARCHAR(100) NOT NULL, 
    number BIGINT NOT NULL, 
    until BIGINT NOT NULL, 
    acts BIGINT NOT NULL, 
    at BIGINT NOT NULL, 
    digest TEXT NOT NULL, 
    key TEXT NOT NULL, 
    mac TEXT NOT NULL, 
    PRIMARY KEY (tenant, number)
)
--;
CREATE TABLE identity_cuts (
    tenant VARCHAR(100) NOT NULL, 
    number BIGINT NOT NULL, 
    until BIGINT NOT NULL, 
    acts BIGINT NOT NULL, 
    at BIGINT NOT NULL, 
    digest TEXT NOT NULL, 
    key TEXT NOT NULL, 
    mac TEXT NOT NULL, 
    PRIMARY KEY (tenant, number)
)
--;
CREATE TABLE identity_ledger (
    id BIGINT NOT NULL, 
    until BIGINT NOT NULL, 
    seals BIGINT NOT NULL, 
    at BIGINT NOT NULL, 
    shift BIGINT NOT NULL, 
    key TEXT NOT NULL, 
    mac TEXT NOT NULL, 
    PRIMARY KEY (id)
)
--;
INSERT INTO identity_ledger (id, until, seals, at, shift, key, mac) VALUES (1, 0, 0, 0, 0, '', '')
--;
ALTER TABLE identity_acts ADD COLUMN place BIGINT NOT NULL DEFAULT 0
--;
UPDATE identity_acts SET place = n.place FROM (SELECT tenant, at, id, row_number() OVER (ORDER BY at, id) AS place FROM identity_acts) n WHERE (n.tenant, n.at, n.id) = (identity_acts.tenant, identity_acts.at, identity_acts.id)
--;
DO $$ DECLARE rows BIGINT; BEGIN
SELECT count(*) INTO rows FROM identity_acts;
UPDATE identity_ledger SET shift = rows;
EXECUTE 'ALTER TABLE identity_acts ALTER place SET DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) + '
|| rows;
END $$
--;
CREATE INDEX identity_acts_place ON identity_acts (place)
--;
UPDATE alembic_version SET version_num='0012' WHERE alembic_version.version_num = '0011'
--;
CREATE TABLE vault_keys (
    tenant TEXT NOT NULL, 
    number BIGINT NOT NULL, 
    master TEXT NOT NULL, 
    wrapped BYTEA NOT NULL, 
    PRIMARY KEY (tenant, number)
)
--;
CREATE TABLE vault_master (
    place BIGSERIAL NOT NULL, 
    master TEXT NOT NULL, 
    PRIMARY KEY (place)
)
--;
CREATE TABLE credential_uses (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    used_at BIGINT NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE TABLE egress_definitions (
    tenant TEXT NOT NULL, 
    api TEXT NOT NULL, 
    endpoint TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, api, endpoint)
)
--;
CREATE TABLE egress_queries (
    tenant TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BYTEA NOT NULL, 
    PRIMARY KEY (tenant, kind, id)
)
--;
UPDATE alembic_version SET version_num='0013' WHERE alembic_version.version_num = '0012'
--;
DO $$ DECLARE isolated RECORD; BEGIN
FOR isolated IN SELECT quote_ident(table_name) AS t, quote_ident(column_name) AS c FROM information_schema.columns
WHERE table_schema = current_schema()
AND (column_name = 'tenant' OR (table_name, column_name) = ('identity_tenants', 'id')) ORDER BY table_name LOOP
EXECUTE 'ALTER TABLE ' || isolated.t || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
EXECUTE 'CREATE POLICY of_tenant ON ' || isolated.t || ' USING ((SELECT current_setting(''muelle.tenant'', true)) IN ('
|| isolated.c || ', ''*''))';
END LOOP; END $$
--;
UPDATE alembic_version SET version_num='0014' WHERE alembic_version.version_num = '0013'
--;
CREATE TABLE search_counter (
    last BIGINT NOT NULL
)
--;
INSERT INTO search_counter (last) VALUES (0)
--;
CREATE TABLE search_entries (
    key BIGINT NOT NULL, 
    tenant TEXT NOT NULL, 
    source TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    id TEXT NOT NULL, 
    sights TEXT NOT NULL, 
    digest TEXT NOT NULL, 
    title TEXT NOT NULL, 
    tags TEXT NOT NULL, 
    body TEXT NOT NULL, 
    PRIMARY KEY (key)
)
--;
CREATE UNIQUE INDEX search_entries_by_id ON search_entries (tenant, kind, id)
--;
CREATE INDEX search_entries_by_source ON search_entries (tenant, source)
--;
CREATE INDEX search_entries_by_key ON search_entries (tenant, key)
--;
CREATE TABLE search_tenants (
    tenant TEXT NOT NULL, 
    last BIGINT NOT NULL, 
    removed BIGINT NOT NULL, 
    PRIMARY KEY (tenant)
)
--;
CREATE TABLE search_sources (
    tenant TEXT NOT NULL, 
    source TEXT NOT NULL, 
    mark TEXT NOT NULL, 
    PRIMARY KEY (tenant, source)
)
--;
CREATE TABLE knowledge_documents (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    base TEXT NOT NULL, 
    title TEXT NOT NULL, 
    content_type TEXT NOT NULL, 
    size BIGINT NOT NULL, 
    parts BIGINT NOT NULL, 
    digest TEXT NOT NULL, 
    created BIGINT NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE INDEX knowledge_documents_by_base ON knowledge_documents (tenant, base, id)
--;
ALTER TABLE search_entries ADD COLUMN words tsvector
--;
CREATE INDEX search_entries_by_words ON search_entries USING gin (words)
--;
ALTER TABLE search_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
--;
CREATE POLICY of_tenant ON search_entries USING ((SELECT current_setting('muelle.tenant', true)) IN (tenant, '*'))
--;
ALTER TABLE search_tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
--;
CREATE POLICY of_tenant ON search_tenants USING ((SELECT current_setting('muelle.tenant', true)) IN (tenant, '*'))
--;
ALTER TABLE search_sources ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
--;
CREATE POLICY of_tenant ON search_sources USING ((SELECT current_setting('muelle.tenant', true)) IN (tenant, '*'))
--;
ALTER TABLE knowledge_documents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
--;
CREATE POLICY of_tenant ON knowledge_documents USING ((SELECT current_setting('muelle.tenant', true)) IN (tenant, '*'))
--;
UPDATE alembic_version SET version_num='0015' WHERE alembic_version.version_num = '0014'
