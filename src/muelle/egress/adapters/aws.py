"""AWS keys as botocore finds them; the extra `aws`."""

from importlib import import_module
from importlib.util import find_spec

from muelle.egress.kinds import AwsKey


def found_key() -> AwsKey | None:
    """Return the key of the environment, a profile or a role, renewed if it is temporary; None if there is none."""
    if find_spec("botocore") is None:
        return None
    found = import_module("botocore.session").get_session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return AwsKey(frozen.access_key, frozen.secret_key, frozen.token or "")
