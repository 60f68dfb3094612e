"""Every call that leaves: authorised, guarded, limited, with credentials that nobody sees."""

from muelle.egress.apis import Apis
from muelle.egress.credentials import Credentials
from muelle.egress.guard import InvalidNetwork, networks_of, refusal
from muelle.egress.memory import MemoryRegister
from muelle.egress.model import Api, ApiDraft, ApiId, Credential, CredentialDraft, CredentialId, Endpoint, Placement
from muelle.egress.service import CALL_LIMITS, Addresses, Egress, EgressParts, open_egress
from muelle.egress.settings import EgressSettings
from muelle.egress.store import Register, SqlRegister

__all__ = [
    "CALL_LIMITS", "Addresses", "Api", "ApiDraft", "ApiId", "Apis", "Credential", "CredentialDraft", "CredentialId",
    "Credentials", "Egress", "EgressParts", "EgressSettings", "Endpoint", "InvalidNetwork", "MemoryRegister",
    "Placement", "Register", "SqlRegister", "networks_of", "open_egress", "refusal",
]  # fmt: skip
