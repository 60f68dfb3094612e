"""What can go wrong with what is stored."""

from muelle.core import Conflict, Invalid, MuelleError, TimedOut, TooLarge, Unavailable


class DatabaseBusy(Unavailable):
    """Another process held the database for longer than the wait that the settings allow."""

    code = "database_busy"
    suggestions = (
        "Try again; if it lasts, stop the other process that writes to this file, or raise stores.busy_seconds.",
    )


class DatabaseOverloaded(Unavailable):
    """More commits wait for the database than the settings allow."""

    code = "database_overloaded"
    suggestions = ("Try again after a short while; if it happens often the disk or the server is too slow.",)


class DatabaseUnreachable(Unavailable):
    """The database server does not answer."""

    code = "database_unreachable"
    suggestions = ("Check that the server of stores.url runs and accepts connections, then try again.",)


class DatabaseFailed(Unavailable):
    """The disk of the database reported an error."""

    code = "database_failed"
    suggestions = ("Check the disk and the system's log; nothing was acknowledged that is not stored.",)


class DatabaseClosed(Unavailable):
    """The database has been closed."""

    code = "database_closed"


class DiskFull(Unavailable):
    """There is no space left where the data is kept."""

    code = "disk_full"
    suggestions = ("Free space on the disk of the data folder, then try again; what was acknowledged is intact.",)


class DatabaseCorrupt(MuelleError):
    """The database file is damaged or is no database."""

    code = "database_corrupt"
    suggestions = ("Stop every process that uses the file and restore it from a backup.",)


class DatabaseNotWritable(Invalid):
    """The database cannot be opened for writing there."""

    code = "database_not_writable"
    suggestions = ("Make the folder writable for the user that runs Muelle, or choose another with --home.",)


class InvalidDatabaseUrl(Invalid):
    """The setting stores.url is no URL of a PostgreSQL database."""

    code = "invalid_database_url"
    suggestions = ("Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded.",)


class PostgresMissing(Invalid):
    """The settings name a PostgreSQL database but its driver is not installed."""

    code = "postgres_missing"
    suggestions = ("Install muelle[postgres], or leave stores.url empty to use a file.",)


class ConstraintViolated(Conflict):
    """A rule of the schema does not allow that."""

    code = "constraint_violated"


class StatementRefused(MuelleError):
    """The database does not understand a statement or its parameters."""

    code = "statement_refused"


class TransactionTimedOut(TimedOut):
    """A transaction was open for longer than the settings allow and was rolled back."""

    code = "transaction_timed_out"
    suggestions = ("Try again; if it happens often, raise stores.transaction_seconds.",)


class SchemaTooNew(Invalid):
    """The database was written by a newer version of Muelle than this one."""

    code = "schema_too_new"
    suggestions = ("Start the newer version of Muelle, or restore a backup from before its first start.",)


class SchemaForeign(Invalid):
    """The database holds tables of something else and none of Muelle's."""

    code = "schema_foreign"
    suggestions = ("Name an empty database in stores.url, or another file.",)


class BlobsFailed(Unavailable):
    """The folder of blobs cannot be used."""

    code = "blobs_failed"
    suggestions = ("Check that the folder of stores.blobs exists, is on a healthy disk and may be written to.",)


class InvalidBlobKey(Invalid):
    """A key has at most 512 characters: parts of 1 to 120 letters, digits, '.', '_' and '-', with '/' between them."""

    code = "invalid_blob_key"


class BlobTooLarge(TooLarge):
    """A blob is larger than stores.blob_bytes allows."""

    code = "blob_too_large"


class InvalidContentType(Invalid):
    """A content type is at most 200 printable ASCII characters."""

    code = "invalid_content_type"


class InvalidValueKey(Invalid):
    """A space or key is 1 to 512 characters without control characters."""

    code = "invalid_value_key"


class ValueTooLarge(TooLarge):
    """A value is larger than stores.value_bytes allows."""

    code = "value_too_large"


class InvalidSecret(Invalid):
    """A secret is 1 to 65536 characters and its name 1 to 200 without control characters."""

    code = "invalid_secret"


class VaultSealed(MuelleError):
    """A secret cannot be decrypted: it was kept under another key, or was tampered with."""

    code = "vault_sealed"
    suggestions = ("Put the key file back that was in use when the secret was kept, or keep the secret again.",)


class VaultKeyMissing(Invalid):
    """The database holds secrets but the file with their key is missing."""

    code = "vault_key_missing"
    suggestions = ("Put the key file back at the path that the error names; without it the secrets are lost.",)


class VaultKeyExposed(Invalid):
    """The file with the key of the secrets can be read by others."""

    code = "vault_key_exposed"
    suggestions = ("Run chmod 600 on the path that the error names.",)


class VaultKeyDamaged(Invalid):
    """The file with the key of the secrets does not hold a key."""

    code = "vault_key_damaged"
    suggestions = ("Put back the key file from your backup.",)
