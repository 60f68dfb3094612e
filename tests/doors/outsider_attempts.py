"""What outsiders try: a request to every path, and what each of them is answered."""

from dataclasses import dataclass
from typing import Any

from doors.door_world import WAIT, document

OPEN = {
    "/health",
    "/ready",
    "/api/versions",
    "/.well-known/jwks.json",
    "/api/v1/auth/providers",
}  # and /openapi.json, not described
RECORD = {f"/api/v1/audit{part}" for part in ("", "/export", "/head", "/verify")}
ALIVE = {
    "/metrics",
    "/api/v1/rate-limit/status",
    "/api/v1/queue",
    *RECORD,
}  # what these say changes by being asked, or with time
SIGNED = "/hooks/{tenant}/{hook}"  # strangers call it, whose signature says who they are
FOR_STRANGERS = {  # how they stop being any; without a body they get nothing
    f"/api/v1/auth/{name}": (400, "invalid_body")
    for name in ("sign-in", "sign-up", "accept", "forgot", "reset", "verify", "refresh", "providers/{provider}/finish")
} | {
    "/api/v1/auth/providers/{provider}/begin": (404, "provider_not_found"),
    "/api/v1/auth/passkeys/sign-in/begin": (403, "passkeys_off"),
    "/api/v1/auth/passkeys/sign-in": (400, "invalid_body"),
}
ASK = document(("ask", "Approve", {"message": "Pay?", "outputPath": "/workflow/paid"}))
PUBLISHED = {"name": "new", "workflow": WAIT}
SCHEDULE = {"id": "new", "cron": "0 3 * * *", "document": WAIT}
TRIGGER = {"name": "new", "workflow": "new", "pattern": {"type": "order.paid"}}
HOOK = {"name": "called", "kind": "webhook", "workflow": "report", "webhook": {"scheme": {"scheme": "standard"}}}
ROLE = {"name": "new", "rules": [{"scope": "runs:read", "pattern": "*"}]}
API = {"id": "new", "base_url": "https://new.example.com"}
USER = {"name": "person", "email": "person@example.com"}
PASSWORD = {"password": "correct horse battery"}
CREDENTIAL = {"id": "new", "secret": "s3cret-value", "hosts": ["new.example.com"]}


CHEAP = {  # passwords and keys that cost no time
    "MUELLE__IDENTITY__TOKENS__ALGORITHM": "EdDSA",
    "MUELLE__IDENTITY__USERS__SIGN_UP": "invitation",
    "MUELLE__IDENTITY__USERS__MEMORY_KIB": "8",
}


SHOWN = {"id": "show", "method": "GET", "path": "/contacts"}
CRM = {"id": "crm", "base_url": "https://crm.example.com", "endpoints": [SHOWN]}
SQL_DATABASE = {"id": "shop", "kind": "postgresql", "host": "db.example.com", "database": "shop", "user": "reader"}
MANUAL = {"base": "manuals", "title": "Contacts", "text": "Whom to call about contacts."}
SQL_QUERY = {"id": "orders", "database": "shop", "sql": "SELECT 1 AS one"}


@dataclass(frozen=True)
class Attempt:
    """A request, and the statuses that an agent without grants and another tenant's owner get for it."""

    method: str
    path: str
    powerless: int
    neighbour: int
    body: Any = None
    query: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


ATTEMPTS = [
    Attempt("GET", "/metrics", 403, 403),
    Attempt("GET", "/api/v1/capabilities", 200, 200),
    Attempt("GET", "/api/v1/me", 200, 200),
    Attempt("POST", "/api/v1/workflows/validate", 403, 200, {"workflow": WAIT}),
    Attempt("POST", "/api/v1/workflows/execute", 403, 200, {"workflow": WAIT}),
    Attempt("GET", "/api/v1/workflows", 200, 200),
    Attempt("POST", "/api/v1/workflows", 403, 201, PUBLISHED),
    Attempt("GET", "/api/v1/workflows/{name}", 404, 404),
    Attempt("PATCH", "/api/v1/workflows/{name}", 403, 404, {"description": "mine"}),
    Attempt("DELETE", "/api/v1/workflows/{name}", 403, 404),
    Attempt("GET", "/api/v1/workflows/{name}/history", 404, 404),
    Attempt("GET", "/api/v1/workflows/{name}/diff", 404, 404, query="?before=7.0.0"),
    Attempt("GET", "/api/v1/workflows/{name}/versions", 404, 404),
    Attempt("GET", "/api/v1/workflows/{name}/versions/{version}", 404, 404),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/deprecate", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/withdraw", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/restore", 403, 404),
    Attempt("PUT", "/api/v1/workflows/{name}/aliases/{alias}", 403, 404, {"version": "7.0.0"}),
    Attempt("DELETE", "/api/v1/workflows/{name}/aliases/{alias}", 403, 404),
    Attempt("POST", "/api/v1/workflows/{name}/rollback", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/execute", 403, 404, {}),
    Attempt("GET", "/api/v1/approvals", 200, 200),
    Attempt("GET", "/api/v1/approvals/{execution_id}/{operation}", 404, 404),
    Attempt("POST", "/api/v1/approvals/{execution_id}/{operation}/approve", 404, 404, {}),
    Attempt("POST", "/api/v1/approvals/{execution_id}/{operation}/reject", 404, 404, {}),
    Attempt("GET", "/api/v1/executions", 200, 200),
    Attempt("GET", "/api/v1/executions/{execution_id}", 404, 404),
    Attempt("GET", "/api/v1/executions/{execution_id}/result", 404, 404),
    Attempt("GET", "/api/v1/executions/{execution_id}/events", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/cancel", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/pause", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/resume", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/replay", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/rerun", 404, 404),
    Attempt("PATCH", "/api/v1/executions/{execution_id}", 404, 404, {"priority": 1}),
    Attempt("GET", "/api/v1/agents", 403, 200),
    Attempt("POST", "/api/v1/agents", 403, 201, {"name": "new"}),
    Attempt("GET", "/api/v1/agents/{agent}", 403, 404),
    Attempt("PATCH", "/api/v1/agents/{agent}", 403, 404, {"description": "mine"}),
    Attempt("POST", "/api/v1/agents/{agent}/disable", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/enable", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/keys", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/keys", 403, 404, {}),
    Attempt("DELETE", "/api/v1/agents/{agent}/keys/{key}", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/grants", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/grants", 403, 404, {"scope": "runs:read", "pattern": "*"}),
    Attempt("DELETE", "/api/v1/agents/{agent}/grants/{grant}", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/explain", 403, 404, query="?scope=runs:read&resource=x"),
    Attempt("GET", "/api/v1/agents/{agent}/roles", 403, 404),
    Attempt("PUT", "/api/v1/agents/{agent}/roles/{role}", 403, 404),
    Attempt("DELETE", "/api/v1/agents/{agent}/roles/{role}", 403, 404),
    Attempt("GET", "/api/v1/roles", 403, 200),
    Attempt("POST", "/api/v1/roles", 403, 201, ROLE),
    Attempt("GET", "/api/v1/roles/{role}", 403, 404),
    Attempt("PATCH", "/api/v1/roles/{role}", 403, 404, {"description": "mine"}),
    Attempt("DELETE", "/api/v1/roles/{role}", 403, 404),
    Attempt("GET", "/api/v1/members", 403, 200),
    Attempt("GET", "/api/v1/domains", 403, 200),
    Attempt("POST", "/api/v1/domains", 403, 201, {"domain": "new.example"}),
    Attempt("POST", "/api/v1/domains/{domain}/verify", 403, 404),
    Attempt("DELETE", "/api/v1/domains/{domain}", 403, 404),
    Attempt("GET", "/api/v1/auth/sessions", 200, 200),
    Attempt("DELETE", "/api/v1/auth/sessions/{session}", 404, 404),
    Attempt("POST", "/api/v1/auth/sign-out", 400, 400),
    Attempt("POST", "/api/v1/auth/sign-out-everywhere", 200, 200),
    Attempt("POST", "/api/v1/auth/password", 400, 400, PASSWORD | {"new_password": "another horse battery"}),
    Attempt("POST", "/api/v1/auth/email", 400, 400, PASSWORD | {"email": "new@example.com"}),
    Attempt("POST", "/api/v1/auth/second-factor", 400, 400, PASSWORD),
    Attempt("POST", "/api/v1/auth/second-factor/confirm", 400, 400, {"code": "000000"}),
    Attempt("POST", "/api/v1/auth/second-factor/remove", 400, 400, PASSWORD | {"code": "000000"}),
    Attempt("GET", "/api/v1/auth/passkeys", 200, 200),
    Attempt("POST", "/api/v1/auth/passkeys/begin", 403, 403, PASSWORD),
    Attempt("POST", "/api/v1/auth/passkeys", 403, 403, {"secret": "x", "credential": {}}),
    Attempt("DELETE", "/api/v1/auth/passkeys/{passkey}", 404, 404),
    Attempt("GET", "/api/v1/users", 403, 200),
    Attempt("POST", "/api/v1/users", 403, 201, USER),
    Attempt("POST", "/api/v1/users/invitations", 403, 202, {"email": "guest@example.com"}),
    Attempt("GET", "/api/v1/users/{user}", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/disable", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/enable", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/reset-password", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/remove-second-factor", 403, 404),
    Attempt("GET", "/api/v1/users/{user}/sessions", 403, 404),
    Attempt("DELETE", "/api/v1/users/{user}/sessions", 403, 404),
    Attempt("GET", "/api/v1/tenants", 403, 403),
    Attempt("POST", "/api/v1/tenants", 403, 403, {"id": "third"}),
    Attempt("GET", "/api/v1/tenants/{tenant}", 403, 403),
    Attempt("PATCH", "/api/v1/tenants/{tenant}", 403, 403, {"addresses": ["127.0.0.0/8"]}),
    Attempt("GET", "/api/v1/audit", 403, 200),
    Attempt("GET", "/api/v1/audit/export", 403, 200),
    Attempt("GET", "/api/v1/audit/head", 403, 200),
    Attempt("GET", "/api/v1/audit/verify", 403, 200),
    Attempt("GET", "/api/v1/apis", 200, 200),
    Attempt("POST", "/api/v1/apis", 403, 201, API),
    Attempt("GET", "/api/v1/apis/{api}", 404, 404),
    Attempt("PATCH", "/api/v1/apis/{api}", 404, 404, {"base_url": "https://evil.example.com"}),
    Attempt("DELETE", "/api/v1/apis/{api}", 403, 404),
    Attempt("GET", "/api/v1/credentials", 200, 200),
    Attempt("POST", "/api/v1/credentials", 403, 201, CREDENTIAL),
    Attempt("GET", "/api/v1/credentials/{credential}", 404, 404),
    Attempt("PATCH", "/api/v1/credentials/{credential}", 404, 404, {"hosts": ["evil.example.com"]}),
    Attempt("DELETE", "/api/v1/credentials/{credential}", 403, 404),
    Attempt("POST", "/api/v1/credentials/{credential}/rotate", 403, 404, {"secret": "s3cret-stolen"}),
    Attempt("GET", "/api/v1/endpoints", 200, 200),
    Attempt("GET", "/api/v1/apis/{api}/endpoints/{endpoint}", 404, 404),
    Attempt("PUT", "/api/v1/apis/{api}/definition", 403, 400, {"document": {"openapi": "3.1.0", "paths": {}}}),
    Attempt("GET", "/api/v1/databases", 200, 200),
    Attempt("POST", "/api/v1/databases", 403, 201, SQL_DATABASE | {"id": "other", "database": "theirs"}),
    Attempt("DELETE", "/api/v1/databases/{database}", 403, 404),
    Attempt("GET", "/api/v1/sql-queries", 200, 200),
    Attempt("POST", "/api/v1/sql-queries", 403, 404, SQL_QUERY | {"id": "other"}),
    Attempt("GET", "/api/v1/sql-queries/{query}", 404, 404),
    Attempt("DELETE", "/api/v1/sql-queries/{query}", 404, 404),
    Attempt("POST", "/api/v1/sql-queries/{query}/run", 403, 404, {}),
    Attempt("GET", "/api/v1/discover", 200, 200, query="?q=contacts"),
    Attempt("GET", "/api/v1/knowledge/bases", 200, 200),
    Attempt("GET", "/api/v1/knowledge/documents", 200, 200),
    Attempt("POST", "/api/v1/knowledge/documents", 403, 201, MANUAL | {"title": "Other"}),
    Attempt("GET", "/api/v1/knowledge/documents/{document}", 404, 404),
    Attempt("DELETE", "/api/v1/knowledge/documents/{document}", 404, 404),
    Attempt("POST", "/api/v1/knowledge/search", 200, 200, {"query": "contacts"}),
    Attempt("GET", "/api/v1/rate-limit/status", 200, 200),
    Attempt("PUT", "/api/v1/rate-limit/agents/{agent}", 403, 404, {"per_minute": 5}),
    Attempt("POST", "/api/v1/rate-limit/agents/{agent}/reset", 403, 404, {}),
    Attempt("PUT", "/api/v1/rate-limit/tenants/{tenant}", 403, 403, {"per_minute": 5}),
    Attempt("POST", "/api/v1/rate-limit/tenants/{tenant}/reset", 403, 403, {}),
    Attempt("GET", "/api/v1/policies", 200, 200),
    Attempt("GET", "/api/v1/policies/{api}", 404, 404),
    Attempt("GET", "/api/v1/breakers", 200, 200),
    Attempt("DELETE", "/api/v1/breakers/{api}", 403, 404),
    Attempt("GET", "/api/v1/cache", 403, 200),
    Attempt("DELETE", "/api/v1/cache", 403, 200),
    Attempt("GET", "/api/v1/schedules", 200, 200),
    Attempt("POST", "/api/v1/schedules", 403, 201, SCHEDULE),
    Attempt("POST", "/api/v1/schedules/preview", 200, 200, {"cron": "0 12 1 1 *"}),
    Attempt("GET", "/api/v1/schedules/{schedule}", 404, 404),
    Attempt("PATCH", "/api/v1/schedules/{schedule}", 404, 404, {"cron": "* * * * *"}),
    Attempt("POST", "/api/v1/schedules/{schedule}/pause", 403, 404),
    Attempt("POST", "/api/v1/schedules/{schedule}/resume", 403, 404),
    Attempt("POST", "/api/v1/schedules/{schedule}/run", 403, 404),
    Attempt("GET", "/api/v1/schedules/{schedule}/preview", 404, 404),
    Attempt("GET", "/api/v1/schedules/{schedule}/executions", 404, 404),
    Attempt("DELETE", "/api/v1/schedules/{schedule}", 403, 404),
    Attempt("GET", "/api/v1/jobs/kinds", 200, 200),
    Attempt("GET", "/api/v1/jobs", 200, 200),
    Attempt("POST", "/api/v1/jobs", 403, 202, {"kind": "copy"}),
    Attempt("GET", "/api/v1/jobs/{execution_id}", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/cancel", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/pause", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/resume", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/replay", 404, 404),
    Attempt("GET", "/api/v1/dead", 200, 200),
    Attempt("GET", "/api/v1/queue", 403, 200),
    Attempt("POST", "/api/v1/queue/pause-key", 403, 204, {"key": "api", "seconds": 1}),
    Attempt("GET", "/api/v1/triggers", 200, 200),
    Attempt("POST", "/api/v1/triggers", 403, 201, TRIGGER),
    Attempt("GET", "/api/v1/triggers/{trigger}", 404, 404),
    Attempt("PATCH", "/api/v1/triggers/{trigger}", 404, 404, {"priority": 1}),
    Attempt("POST", "/api/v1/triggers/{trigger}/enable", 403, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/disable", 403, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/rotate-secret", 403, 404, {}),
    Attempt("POST", "/api/v1/triggers/{trigger}/test", 404, 404, {"event": {"type": "order.paid"}}),
    Attempt("GET", "/api/v1/triggers/{trigger}/deliveries", 404, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/deliveries/{delivery}/replay", 403, 404),
    Attempt("DELETE", "/api/v1/triggers/{trigger}", 403, 404),
]
