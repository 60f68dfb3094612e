"""What goes wrong with triggers and inbound webhooks."""

from muelle.core import Conflict, Invalid, NotFound, TooLarge, Unauthenticated, Unavailable


class InvalidTrigger(Invalid):
    """The trigger cannot be kept as it is."""

    code = "invalid_trigger"
    suggestions = ("Correct what the field names: it is a JSON pointer into the trigger.",)


class InvalidPage(Invalid):
    """A page of triggers or deliveries has 1 to 500 items."""

    code = "invalid_page"


class TriggerNotFound(NotFound):
    """There is no such trigger in this tenant."""

    code = "trigger_not_found"


class DeliveryNotFound(NotFound):
    """This trigger has no such delivery, or none that can be sent again."""

    code = "delivery_not_found"
    suggestions = ("List the trigger's deliveries; dead ones can be sent again, and the others ended well.",)


class TriggerExists(Conflict):
    """The tenant has a trigger of that name already."""

    code = "trigger_exists"
    suggestions = ("Choose another name, or update the trigger that has it.",)


class TooManyTriggers(TooLarge):
    """The tenant cannot have that many triggers."""

    code = "too_many_triggers"
    suggestions = ("Remove triggers that are not used, or ask an operator to raise workflows.triggers.most.",)


class HookRefused(Unauthenticated):
    """There is no such webhook, or this request is not signed as it asks."""

    code = "hook_refused"
    suggestions = (
        "Check the address, the secret, and that the body is signed byte for byte as it is sent.",
        "Check the sender's clock; the trigger's deliveries tell its owner what was wrong.",
    )


class HookBodyTooLarge(TooLarge):
    """The body of a webhook is larger than allowed."""

    code = "hook_body_too_large"
    suggestions = ("Send less, or ask an operator to raise workflows.triggers.hook_bytes.",)


class HookBusy(Unavailable):
    """This webhook is called more often than it may be."""

    code = "hook_busy"
    status = 429
    suggestions = ("Wait as many seconds as Retry-After says, and send it again.",)


class HookClosed(Unavailable):
    """This webhook takes nothing at the moment."""

    code = "hook_closed"
    suggestions = ("Send it again later; its owner can enable the trigger.",)


class HookFailed(Unavailable):
    """What this webhook is to start could not be started."""

    code = "hook_failed"
    suggestions = ("Send it again after a short while, with the same id.",)


class TriggersBehind(Unavailable):
    """Some triggers could not start their runs; their events are to be handed over again."""

    code = "triggers_behind"
