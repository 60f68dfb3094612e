CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
--;
CREATE TABLE key_values (
    tenant TEXT NOT NULL, 
    space TEXT NOT NULL, 
    "key" TEXT NOT NULL, 
    value BLOB NOT NULL, 
    content_type TEXT NOT NULL, 
    PRIMARY KEY (tenant, space, "key")
)
--;
CREATE TABLE secrets (
    tenant TEXT NOT NULL, 
    name TEXT NOT NULL, 
    sealed BLOB NOT NULL, 
    PRIMARY KEY (tenant, name)
)
--;
INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num
--;
CREATE TABLE plans (
    tenant TEXT NOT NULL, 
    "plan" TEXT NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (tenant, "plan")
)
--;
CREATE TABLE runs (
    tenant TEXT NOT NULL, 
    run TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    workflow TEXT NOT NULL, 
    "plan" TEXT NOT NULL, 
    inputs BLOB NOT NULL, 
    status TEXT NOT NULL, 
    started BIGINT NOT NULL, 
    finished BIGINT, 
    took BIGINT, 
    succeeded BIGINT NOT NULL, 
    failed BIGINT NOT NULL, 
    skipped BIGINT NOT NULL, 
    error BLOB, 
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
    output BLOB, 
    error BLOB, 
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
    document BLOB NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
CREATE TABLE egress_credentials (
    tenant TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (tenant, id)
)
--;
UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003'
