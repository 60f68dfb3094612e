"""What goes wrong with calls that leave. Facts name a host, never a path, a query or a secret."""

from muelle.core import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable, Upstream


class InvalidUrl(Invalid):
    """The URL cannot be called."""

    code = "invalid_url"
    suggestions = (
        "Give an absolute http or https URL without user name or password.",
        "Put secrets into a credential and refer to it by its id.",
    )


class InvalidHeader(Invalid):
    """A header cannot be sent."""

    code = "invalid_header"
    suggestions = (
        "Use letters, digits and hyphens in names, and no line breaks or control characters in values.",
        "Leave Host, Content-Length and the headers of the connection to Muelle.",
    )


class InvalidCall(Invalid):
    """The call cannot be made as it is."""

    code = "invalid_call"


class InvalidApi(Invalid):
    """The Api cannot be registered as it is."""

    code = "invalid_api"


class InvalidCredential(Invalid):
    """The credential cannot be kept as it is."""

    code = "invalid_credential"


class InvalidLimit(Invalid):
    """A page of Apis or credentials has at least one item and at most as many as the error says."""

    code = "invalid_limit"


class CallRefused(Forbidden):
    """No grant of this principal allows the call."""

    code = "call_refused"
    suggestions = (
        "Ask an operator to grant the scope on the resource that the error names.",
        "Ask for the Apis that you may call.",
    )


class EndpointUnknown(Forbidden):
    """The Api allows only the endpoints that it lists, and this is none of them."""

    code = "endpoint_unknown"
    suggestions = ("Call one of the endpoints that the Api lists.",)


class AddressRefused(Forbidden):
    """The host has an address that calls of this tenant may not reach."""

    code = "address_refused"
    suggestions = (
        "Check the host's name; private, local and reserved addresses are refused.",
        "If this address is meant, ask an operator to add its network to the tenant's allowed addresses.",
    )


class PortRefused(Forbidden):
    """Calls may not go to this port."""

    code = "port_refused"
    suggestions = ("Ask an operator to add the port to egress.ports.",)


class CredentialNotBound(Forbidden):
    """The credential may not be sent there."""

    code = "credential_not_bound"
    suggestions = ("Ask an operator to bind the credential to the Api or host that the error names.",)


class CredentialExpired(Forbidden):
    """The credential's secret has expired and is not sent any more."""

    code = "credential_expired"
    suggestions = ("Ask an operator for a new secret: 'muelle credentials rotate'.",)


class TokenRefused(Upstream):
    """The token endpoint gave no access token for this credential."""

    code = "token_refused"
    recoverable = False
    suggestions = ("Ask an operator to check the credential's client, secret and scope with whoever issued them.",)


class TokenEndpointFailed(Upstream):
    """The token endpoint of this credential failed."""

    code = "token_endpoint_failed"


class SourceUnreachable(Unavailable):
    """A source of secrets could not be asked; whether it has this one is not known."""

    code = "source_unreachable"
    suggestions = (
        "Try again after a short while.",
        "Ask an operator to check the settings under 'egress.sources' and the source that the error names.",
    )


class SourceRefused(Upstream):
    """A source of secrets does not give this one away, or has it in another form than the settings say."""

    code = "source_refused"
    recoverable = False
    suggestions = ("Ask an operator to check the source's policy and the settings under 'egress.sources'.",)


class InvalidSources(Invalid):
    """The settings of the sources of secrets cannot work."""

    code = "invalid_sources"


class ApiNotFound(NotFound):
    """There is no such Api in this tenant."""

    code = "api_not_found"


class CredentialNotFound(NotFound):
    """There is no such credential in this tenant."""

    code = "credential_not_found"


class BreakerNotFound(NotFound):
    """No call of this tenant to that Api has passed a breaker in this process."""

    code = "breaker_not_found"
    suggestions = ("See the breakers that there are.",)


class ApiExists(Conflict):
    """The tenant has an Api with that id or that base URL already."""

    code = "api_exists"
    suggestions = ("Choose another id, or update the Api that is there.",)


class CredentialExists(Conflict):
    """The tenant has a credential with that id already."""

    code = "credential_exists"
    suggestions = ("Choose another id, or update the credential that is there.",)


class TooManyApis(TooLarge):
    """The tenant has as many Apis as it may have."""

    code = "too_many_apis"


class TooManyCredentials(TooLarge):
    """The tenant has as many credentials as it may have."""

    code = "too_many_credentials"


class RequestTooLarge(TooLarge):
    """The body of the call is larger than allowed."""

    code = "request_too_large"


class AnswerTooLarge(TooLarge):
    """The answer is larger than allowed."""

    code = "answer_too_large"
    category = "network"
    suggestions = ("Ask the other system for less, for example page by page.",)


class AnswerBroken(Upstream):
    """The other system's answer was cut off or is not HTTP."""

    code = "answer_broken"


class ConnectionFailed(Upstream):
    """No connection to the host could be made, or it was lost."""

    code = "connection_failed"


class DnsFailed(Upstream):
    """The host's name could not be resolved."""

    code = "dns_failed"
    suggestions = ("Check the spelling of the host.", "If the name is right, try again after a short while.")


class TlsFailed(Upstream):
    """The host's certificate is not trusted, or no secure connection could be agreed on."""

    code = "tls_failed"
    suggestions = ("Check the host's certificate; egress.ca_file adds authorities of your own.",)


class TooManyRedirects(Upstream):
    """The call was redirected more often than allowed."""

    code = "too_many_redirects"
    recoverable = False
    suggestions = ("Call the final URL directly.",)
