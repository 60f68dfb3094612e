"""What goes wrong with users.

Whether an address has an account is never told: who signs in with a wrong password, and who signs in to nothing, get
the same answer after the same work; who asks for a mail is always told that it is on its way.
"""

from muelle.core import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable


class WrongPassword(Unauthenticated):
    """There is no account with this address and this password."""

    code = "wrong_password"
    suggestions = ("Check both; if the password is forgotten, ask for a mail: POST /api/v1/auth/forgot.",)


class CodeRequired(Unauthenticated):
    """This account asks for the code of its second factor as well."""

    code = "second_factor_required"
    suggestions = ("Send the same again, with the code that the authenticator shows, or a recovery code, as 'code'.",)


class WrongCode(Unauthenticated):
    """This code is not right, or was used before."""

    code = "wrong_code"
    suggestions = ("Wait for the next code; check the clock of the device; or use a recovery code.",)


class AddressUnverified(Forbidden):
    """This account's address has yet to be confirmed."""

    code = "address_unverified"
    suggestions = ("Follow the mail that was sent to the address just now.",)


class TooManyAttempts(Unavailable):
    """There were too many wrong attempts; wait."""

    code = "too_many_attempts"
    category = "authentication"
    status = 429
    suggestions = ("Wait for the seconds of Retry-After; or replace the password: POST /api/v1/auth/forgot.",)


class HashingBusy(Unavailable):
    """Too many passwords are being checked at the moment."""

    code = "hashing_busy"


class WeakPassword(Invalid):
    """This password is too easy to guess."""

    code = "weak_password"
    suggestions = ("Take a longer one, such as some words in a row; it must not be the address.",)


class InvalidEmail(Invalid):
    """That is not an address that mails can be sent to."""

    code = "invalid_email"


class InvalidTicket(Invalid):
    """This link was used before, is too old, or is none of ours."""

    code = "invalid_ticket"
    suggestions = ("Ask for a new mail.",)


class SignUpClosed(Forbidden):
    """Nobody can sign up here."""

    code = "sign_up_closed"
    suggestions = ("Ask an operator to add or invite you; the setting identity.users.sign_up opens it.",)


class NotAUser(Invalid):
    """That is for people who sign in; this principal does not."""

    code = "not_a_user"
    suggestions = ("Sign in and send the access token instead of a key.",)


class UserNotFound(NotFound):
    """There is no such user in this tenant."""

    code = "user_not_found"


class UserExists(Conflict):
    """The tenant has a user with that address already."""

    code = "user_exists"
    suggestions = ("Choose another address, or change the user who has it.",)


class SecondFactorThere(Conflict):
    """This account has a second factor already."""

    code = "second_factor_there"
    suggestions = ("Remove it first, with the password and a code.",)


class SecondFactorMissing(Conflict):
    """This account has no second factor, and none is waiting to be confirmed."""

    code = "second_factor_missing"
    suggestions = ("Begin with POST /api/v1/auth/second-factor.",)


class PasskeysOff(Forbidden):
    """Nobody uses passkeys here."""

    code = "passkeys_off"
    suggestions = ("Ask an operator to set identity.users.origin to the address of the page that people sign in at.",)


class PasskeyRefused(Unauthenticated):
    """This passkey opens nothing here."""

    code = "passkey_refused"
    suggestions = ("Begin anew, and use a passkey that was added here; or sign in with the password.",)


class PasskeyNotFound(NotFound):
    """This user has no such passkey."""

    code = "passkey_not_found"


class PasskeyExists(Conflict):
    """That passkey was added before."""

    code = "passkey_exists"


class UnknownHash(Invalid):
    """A password hash is of a kind that is not known, or is damaged."""

    code = "unknown_password_hash"
    suggestions = ("Known are argon2id, argon2i, bcrypt, Django's pbkdf2_sha256, PBKDF2 in PHC form, and scrypt.",)
