"""What goes wrong with providers of identities."""

from muelle.core import Conflict, Invalid, NotFound, Unauthenticated, Upstream


class ProviderNotFound(NotFound):
    """There is no such provider of identities."""

    code = "provider_not_found"
    suggestions = ("GET /api/v1/auth/providers lists them; they are set under [identity.providers].",)


class ProviderFailed(Upstream):
    """The provider of identities does not answer as it should."""

    code = "provider_failed"


class ProviderSettingsInvalid(Invalid):
    """A provider of identities cannot be used as it is set."""

    code = "provider_settings_invalid"
    suggestions = ("Correct the setting that the error names.",)


class SignInRefused(Unauthenticated):
    """Signing in with the provider was not completed here, or too long ago."""

    code = "sign_in_refused"
    suggestions = ("Begin anew in the same browser: POST /api/v1/auth/providers/NAME/begin.",)


class NotAMember(Unauthenticated):
    """Nobody here belongs to this account of the provider."""

    code = "not_a_member"
    suggestions = ("Ask an operator to link it: muelle users link NAME PROVIDER SUBJECT.",)


class LoginExists(Conflict):
    """That account of the provider belongs to a user already."""

    code = "login_exists"
