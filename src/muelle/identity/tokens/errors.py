"""What goes wrong with tokens and sessions."""

from muelle.core import Invalid, NotFound, Unauthenticated


class InvalidToken(Unauthenticated):
    """This token opens nothing here."""

    code = "invalid_token"
    suggestions = ("Refresh the token or sign in again; tokens end soon, and all at once with their session.",)

    def __init__(self, cause: str) -> None:
        """Keep the cause for the audit record: whoever shows the token is told the same for every one."""
        super().__init__()
        self.cause = cause


class SessionNotFound(NotFound):
    """This user has no such session."""

    code = "session_not_found"


class NotSignedIn(Invalid):
    """Only who shows an access token has a session to end."""

    code = "not_signed_in"
    suggestions = ("Send the access token of the session as 'Authorization: Bearer TOKEN'; a key has no session.",)
