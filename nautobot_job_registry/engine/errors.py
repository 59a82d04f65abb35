"""Errors that the engine raises."""


class EngineError(Exception):
    """Base of every error of the engine."""


class DescriptorError(EngineError):
    """The metadata of a job class cannot be stored as they are."""


class UnknownSourceError(EngineError):
    """A source was named that is not among the known ones."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Name the unknown source and the known ones.

        Args:
            name: What was asked for.
            known: The sources that could have been asked for.
        """
        # Both are kept as arguments, so that a worker can hand the exception on to another process.
        super().__init__(name, known)

    def __str__(self) -> str:
        """Name the unknown source and the known ones."""
        name, known = self.args
        return f"Unknown source {name!r}. Known sources: {', '.join(known) or 'none'}."

    @property
    def known(self) -> tuple[str, ...]:
        """The sources that could have been asked for."""
        return tuple(self.args[1])
