"""The OpenAPI document: problems on every route, and the two ways to show a key."""

from typing import Any

from fastapi import FastAPI

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "category", "message", "recoverable", "suggestions", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "error": {"type": "string", "description": "The message, where A2E has it."},
        "code": {"type": "string", "description": "Stable: what to compare with."},
        "category": {"type": "string"},
        "message": {"type": "string"},
        "recoverable": {"type": "boolean"},
        "suggestions": {"type": "array", "items": {"type": "string"}},
        "request_id": {"type": "string"},
        "issues": {"type": "array", "items": {"type": "object"}},
    },
}


_LIMITS = {  # what every answer says where something is bounded
    "X-RateLimit-Limit": ("integer", "The quota of which least is left."),
    "X-RateLimit-Remaining": ("integer", "How much of it is left."),
    "X-RateLimit-Reset": ("integer", "When something of it comes back, as a Unix time."),
    "RateLimit": ("string", "What is left of every quota; draft-ietf-httpapi-ratelimit-headers-10."),
    "RateLimit-Policy": ("string", "Every quota, likewise."),
}


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


COMMON: dict[int | str, dict[str, Any]] = {
    400: _problem("What was sent is not valid."),
    401: _problem("No key, or none that opens anything."),
    403: _problem("No grant allows it."),
    404: _problem("Not there, or not for you."),
    405: _problem("Not with this method."),
    409: _problem("Conflicts with what is stored."),
    413: _problem("Larger than allowed."),
    415: _problem("Not of a type that is taken."),
    422: _problem("A parameter has a value that it cannot have."),
    429: _problem("More often than allowed; Retry-After says when."),
    500: _problem("A fault of Muelle."),
    503: _problem("Not now; try again."),
}


def describe(api: FastAPI) -> None:
    """Complete the OpenAPI document with what routes cannot say themselves."""
    generate = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            schema = generate()
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = _PROBLEM
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            components["securitySchemes"] = {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "Bearer": {"type": "http", "scheme": "bearer"},
            }
            components["headers"] = {
                name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in _LIMITS.items()
            }
            _tell_of_limits(schema)
            schema["security"] = [{"ApiKey": []}, {"Bearer": []}]
            api.openapi_schema = schema
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


def _tell_of_limits(schema: dict[str, Any]) -> None:
    """Describe with every answer the headers that it has."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _LIMITS}
    for methods in schema["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                answer["headers"] = {**answer.get("headers", {}), **headers}
