"""Every call that leaves: authorised, guarded, limited, with credentials that nobody sees."""

from muelle.egress.apis import Apis
from muelle.egress.credentials import Credentials
from muelle.egress.guard import InvalidNetwork, networks_of, refusal
from muelle.egress.memory import MemoryRegister
from muelle.egress.model import Api, ApiDraft, ApiId, Credential, CredentialDraft, CredentialId, Endpoint, Placement
from muelle.egress.parts import Addresses, EgressParts
from muelle.egress.service import CALL_LIMITS, Egress, open_egress
from muelle.egress.settings import EgressSettings
from muelle.egress.store import Register, SqlRegister, SqlUses
from muelle.egress.upkeep import Upkeep, everyones
from muelle.egress.uses import MemoryUses, Uses
from muelle.egress.vaults import EnvelopeVault, KeyFiles, Rekeyed, open_envelope

__all__ = [
    "CALL_LIMITS", "Addresses", "Api", "ApiDraft", "ApiId", "Apis", "Credential", "CredentialDraft", "CredentialId",
    "Credentials", "Egress", "EgressParts", "EgressSettings", "Endpoint", "EnvelopeVault", "InvalidNetwork",
    "KeyFiles", "MemoryRegister", "MemoryUses", "Placement", "Register", "Rekeyed", "SqlRegister", "SqlUses",
    "Upkeep", "Uses", "everyones", "networks_of", "open_egress", "open_envelope", "refusal",
]  # fmt: skip
