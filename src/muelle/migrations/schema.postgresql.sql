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
CREATE INDEX runs_by_status ON runs (tenant, status, started, run)
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
