"""What goes wrong in identity.

Whoever shows a key that does not open learns one thing only, whatever the cause: `invalid_key`. The cause is `code` on
the exception, for the audit record and for metrics; `problem()`, which leaves the process, never has it.
"""

from typing import Any

from muelle.core import Conflict, Invalid, NotFound, TooLarge, Unauthenticated, Unavailable
from muelle.identity.model import Refused


class InvalidKey(Unauthenticated):
    """This key opens nothing here."""

    code = "invalid_key"
    suggestions = ("Check that the whole key was copied; if it was, ask an operator for a new one, for keys end.",)

    def __init__(self) -> None:
        super().__init__(InvalidKey._sentence())

    def problem(self) -> dict[str, Any]:
        """Return what a stranger may know: the same for every cause."""
        return Unauthenticated.problem(self if type(self) is InvalidKey else InvalidKey())


class ExpiredKey(InvalidKey):
    """The key is right, and past its time."""

    code = "expired_key"


class RevokedKey(InvalidKey):
    """The key is right, and was revoked."""

    code = "revoked_key"


class DisabledAgent(InvalidKey):
    """The key is right, and its agent is disabled."""

    code = "disabled_agent"


class NotHeld(Refused):
    """Nobody can give away what they may not do themselves."""

    code = "not_held"
    suggestions = ("Ask an operator who holds the scope and resource that the error names.",)


class LimitNotHeld(Refused):
    """Nobody can give a wider limit than their own."""

    code = "limit_not_held"
    suggestions = ("Set the limit that the error names to its largest value, or to less.",)


class AgentNotFound(NotFound):
    """There is no such agent in this tenant."""

    code = "agent_not_found"


class KeyNotFound(NotFound):
    """This agent has no such key."""

    code = "key_not_found"


class GrantNotFound(NotFound):
    """This agent has no such grant."""

    code = "grant_not_found"


class TenantNotFound(NotFound):
    """There is no such tenant."""

    code = "tenant_not_found"


class InvalidHead(Invalid):
    """The audit record has no such seal, or this does not name one."""

    code = "invalid_head"
    suggestions = ("Give NUMBER:DIGEST as `muelle audit head` prints it, or the number of a seal that is there.",)


class RoleNotFound(NotFound):
    """There is no such role in this tenant, or the agent does not have it."""

    code = "role_not_found"


class RoleExists(Conflict):
    """The tenant has a role of that name already."""

    code = "role_exists"
    suggestions = ("Choose another name, or update the role that has it.",)


class BuiltInRole(Conflict):
    """This role is built in, and stays as it is."""

    code = "built_in_role"
    suggestions = ("Add a role with another name.",)


class TooManyRules(Invalid):
    """A role has at least one rule, and not so many."""

    code = "too_many_rules"
    suggestions = ("Use patterns with * that cover several resources, or several roles.",)


class QuotaExceeded(Conflict):
    """The tenant has as many as it may have."""

    code = "quota_exceeded"
    suggestions = ("Remove what is not needed any more, or ask the operator for a higher quota.",)


class InvalidDomain(Invalid):
    """This is no domain that can be verified."""

    code = "invalid_domain"
    suggestions = ("Give a domain such as example.com: no address, no URL, no wildcard.",)


class DomainExists(Conflict):
    """The tenant has that domain already."""

    code = "domain_exists"
    suggestions = ("Verify it, or remove it to begin anew with another token.",)


class DomainTaken(Conflict):
    """Another tenant has verified that domain."""

    code = "domain_taken"
    suggestions = ("Have the other tenant remove it first.",)


class TooManyDomains(Conflict):
    """The tenant has as many domains as a tenant may have."""

    code = "too_many_domains"
    suggestions = ("Remove a domain that is not needed any more.",)


class DomainNotFound(NotFound):
    """The tenant has no such domain."""

    code = "domain_not_found"


class DomainUnproven(Conflict):
    """The TXT record that would show that the domain is yours is not there, or says something else."""

    code = "domain_unproven"
    suggestions = ("Have the TXT record that the error names say that value; name servers may need a while for it.",)


class RecordsUnreachable(Unavailable):
    """No name server answered, so nobody knows whether the record is there."""

    code = "records_unreachable"
    suggestions = ("Try again later, or check the name servers of this machine and the setting identity.nameservers.",)


class InvalidNameserver(Invalid):
    """This is no address of a name server."""

    code = "invalid_nameserver"
    suggestions = ("Give addresses, with a port if it is not 53: 9.9.9.9, [::1]:5353.",)


class OwnerMissing(NotFound):
    """This installation has no owner yet."""

    code = "owner_missing"
    suggestions = ("Start the server once; its first start creates the owner and writes the owner's key.",)


class AgentExists(Conflict):
    """The tenant has an agent of that name already."""

    code = "agent_exists"
    suggestions = ("Choose another name, or update the agent that has it.",)


class TenantExists(Conflict):
    """There is a tenant with that id already."""

    code = "tenant_exists"
    suggestions = ("Choose another id, or update the tenant that has it.",)


class GrantExists(Conflict):
    """The agent has that grant already."""

    code = "grant_exists"
    suggestions = ("Nothing needs to be done: the agent may do this.",)


class SelfDisabled(Conflict):
    """Nobody can disable the principal that they act as."""

    code = "self_disabled"
    suggestions = ("Let another principal with identity:manage do it.",)


class TooManyGrants(TooLarge):
    """An agent cannot have that many grants."""

    code = "too_many_grants"
    suggestions = ("Put '*' into a pattern so that one grant covers many resources.",)


class RuleOutlasts(Invalid):
    """A key cannot be confined to what goes on by itself after the request, such as a run."""

    code = "rule_outlasts"
    suggestions = ("Add a principal of kind 'service' with just these grants, and issue a key of it.",)


class RuleBeyondAgent(Invalid):
    """A key cannot be confined to what its agent may not do."""

    code = "rule_beyond_agent"
    suggestions = ("Name what the agent's own grants cover; muelle agents show lists them.",)


class UnknownPreset(Invalid):
    """There is no such preset."""

    code = "unknown_preset"


class UnknownKind(Invalid):
    """A principal is an 'agent', a 'user' or a 'service'."""

    code = "unknown_kind"


class UnknownLimit(Invalid):
    """There is no limit of that name."""

    code = "unknown_limit"


class InvalidLimit(Invalid):
    """A limit is a positive number."""

    code = "invalid_limit_value"


class InvalidAddress(Invalid):
    """An allowed address is a network such as 10.0.0.0/8 or fd00::/8, without host bits."""

    code = "invalid_address"


class TooManyAddresses(TooLarge):
    """A tenant cannot have that many allowed networks."""

    code = "too_many_addresses"
    suggestions = ("Join neighbouring networks into a wider one.",)


class InvalidPattern(Invalid):
    """A resource pattern has 1 to 500 characters, none of them a control character."""

    code = "invalid_resource_pattern"


class InvalidText(Invalid):
    """A text is too long or has control characters."""

    code = "invalid_text"


class InvalidExpiry(Invalid):
    """A key expires in the future, at a time with a time zone."""

    code = "invalid_expiry"


class InvalidPage(Invalid):
    """A page has 1 to 500 items."""

    code = "invalid_page"


class InvalidCursor(Invalid):
    """This cursor did not come from a page of this list."""

    code = "invalid_page_cursor"
    suggestions = ("Send the 'next' of the page before, unchanged, or none for the first page.",)
