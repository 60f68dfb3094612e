"""What goes wrong with definitions of Apis and with calls by them."""

from muelle.core import Invalid, NotFound, TooLarge


class InvalidDefinition(Invalid):
    """The document does not describe an API in a way that can be imported."""

    code = "invalid_definition"
    suggestions = ("Give an OpenAPI 3.0 to 3.2 document or a Postman collection 2.1, as JSON or YAML.",)


class DefinitionTooLarge(TooLarge):
    """The document is larger, deeper or has more endpoints than can be imported."""

    code = "definition_too_large"
    suggestions = ("Import the part that is needed: give prefixes of paths.",)


class EndpointNotFound(NotFound):
    """The Api has no such endpoint, or it is not yours to call."""

    code = "endpoint_not_found"
    suggestions = ("Look for one: 'muelle apis endpoints', or GET /api/v1/endpoints?q=…",)


class InvalidParameters(Invalid):
    """The parameters or the body are not what the endpoint takes."""

    code = "invalid_parameters"
    suggestions = ("Read what the endpoint takes: 'muelle apis endpoint API ID'.",)


class InvalidImport(Invalid):
    """Give either a document or the URL that it is at."""

    code = "invalid_import"
