"""A pack that finds contacts in a CRM and adds notes to them."""

from muelle_crm.pack import PACK

__all__ = ["PACK"]
