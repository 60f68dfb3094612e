"""What can be wrong with packs; every one of these is found at the start, before anything is served."""

from muelle.core import Conflict, Invalid


class InvalidPackName(Invalid):
    """A pack's name has 1 to 40 small letters, digits and single underscores, begins with a letter, and is free."""

    code = "invalid_pack_name"
    suggestions = ("Rename the pack; its name is a table of settings and part of environment variables.",)


class InvalidOperationName(Invalid):
    """An operation's name has 1 to 64 letters and digits and begins with a capital letter."""

    code = "invalid_operation_name"
    suggestions = ("Rename it in the pack, as in FindContacts.",)


class InvalidToolName(Invalid):
    """A tool's name has 1 to 64 letters, digits, '_', '-' and single dots, and begins with a letter."""

    code = "invalid_tool_name"
    suggestions = ("Rename it in the pack, as in crm.add_note.",)


class DuplicatePack(Conflict):
    """Two packs have the same name."""

    code = "duplicate_pack"
    suggestions = ("Uninstall one of the two distributions, or rename one of the packs.",)


class DuplicateOperation(Conflict):
    """Two packs, or one pack twice, bring an operation of the same name."""

    code = "duplicate_operation"
    suggestions = ("Disable one of the packs with `disabled` in the table `[packs]`, or rename one of the operations.",)


class DuplicateTool(Conflict):
    """Two packs, or one pack twice, bring a tool of the same name."""

    code = "duplicate_tool"
    suggestions = ("Disable one of the packs with `disabled` in the table `[packs]`, or rename one of the tools.",)


class UnmetNeed(Invalid):
    """A pack needs something that neither the host nor another pack gives."""

    code = "unmet_need"
    suggestions = ("Install or enable the pack that it needs, or disable the pack that needs it.",)


class CyclicNeeds(Invalid):
    """Packs need each other in a circle, so that none can be opened first."""

    code = "cyclic_needs"
    suggestions = ("Remove one of the needs of the circle, or disable one of its packs.",)


class LooseConfig(Invalid):
    """A config is a msgspec Struct with forbid_unknown_fields=True, so that a misspelt field is an error."""

    code = "loose_config"
    suggestions = ("Declare it as class C(msgspec.Struct, rename='camel', forbid_unknown_fields=True).",)


class Undescribed(Invalid):
    """An operation or a tool does not say what it is for."""

    code = "undescribed"
    suggestions = ("Fill in the field that the error names; agents, console and reference page show it.",)


class InvalidPackSettings(Invalid):
    """A pack's settings are a dataclass."""

    code = "invalid_pack_settings"
    suggestions = ("Declare them with @dataclass(frozen=True, slots=True, kw_only=True).",)


class UnknownPack(Invalid):
    """There is no such pack."""

    code = "unknown_pack"
    suggestions = ("Correct its spelling, install the pack, or remove it from the settings.",)


class UnknownOperation(Invalid):
    """There is no operation of this name."""

    code = "unknown_operation"
    suggestions = ("Use the nearest name, or install and enable the pack that brings the operation.",)


class UnknownTool(Invalid):
    """There is no tool of this name."""

    code = "unknown_tool"
    suggestions = ("Use the nearest name, or install and enable the pack that brings the tool.",)


class UnusablePack(Invalid):
    """An installed distribution announces a pack that cannot be had from it."""

    code = "unusable_pack"
    suggestions = ("Repair or uninstall the distribution, or name the pack in `disabled` of the table `[packs]`.",)
