"""Where secrets are kept, and how."""

from muelle.egress.vaults.master import KeyFiles, MasterKeys
from muelle.egress.vaults.store import EnvelopeVault, Rekeyed, open_envelope

__all__ = ["EnvelopeVault", "KeyFiles", "MasterKeys", "Rekeyed", "open_envelope"]
