"""The exceptions of AIL that cross the adapter's border."""


class AILError(Exception):
    """Any complaint of AIL's own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ModuleQueueError(AILError):
    """A section or a queue that modules.cfg does not have; the only exception that ends a module."""


class AILObjectUnknown(AILError):
    """No such object."""
