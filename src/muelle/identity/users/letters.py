"""What mails say. A token stands after '#' in a link, which no server on the way sees or logs."""

from muelle.identity.users.model import TicketKind

_SUBJECTS: dict[TicketKind, str] = {
    "invitation": "You are invited to Muelle",
    "sign_up": "Finish signing up to Muelle",
    "reset": "Replace your password for Muelle",
    "verification": "Confirm your address for Muelle",
}
_TEXTS: dict[TicketKind, str] = {
    "invitation": "Somebody who runs Muelle invites you. To accept, choose a password:",
    "sign_up": "Somebody, most likely you, signs up to Muelle with this address. To go on, choose a password:",
    "reset": "Somebody, most likely you, asked to replace the password of your account. To do that:",
    "verification": "To confirm that this address is yours:",
}
_CALLS: dict[TicketKind, str] = {
    "invitation": "POST /api/v1/auth/accept with this token:",
    "sign_up": "POST /api/v1/auth/accept with this token:",
    "reset": "POST /api/v1/auth/reset with this token:",
    "verification": "POST /api/v1/auth/verify with this token:",
}
_END = "It works once, and not for long. If you did not ask for this, you need not do anything."
KNOWN_SUBJECT = "You have an account at Muelle already"
KNOWN_TEXT = (
    "Somebody, most likely you, tried to sign up to Muelle with this address, which has an account already.\n\n"
    "Sign in with it; if the password is forgotten, ask for a new one. If it was not you, you need not do anything.\n"
)


def subject_of(kind: TicketKind) -> str:
    """Return the subject of a mail."""
    return _SUBJECTS[kind]


def text_of(kind: TicketKind, token: str, links: str) -> str:
    """Return the text of a mail, with a link if there is a page that links lead to."""
    way = f"{links}#{kind}={token}" if links else f"{_CALLS[kind]}\n\n{token}"
    return f"{_TEXTS[kind]}\n\n{way}\n\n{_END}\n"
