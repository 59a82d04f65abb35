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
        self.name = name
        self.known = known
        super().__init__(f"Unknown source {name!r}. Known sources: {', '.join(known) or 'none'}.")
