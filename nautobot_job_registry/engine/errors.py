"""Errors that the engine raises."""

from collections.abc import Mapping


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


class PlanMovedError(EngineError):
    """A plan was to be carried out as it was shown, and another one would be now; nothing was written."""

    def __init__(self, digest: str, parts: Mapping[str, str]) -> None:
        """Keep what was to be carried out, and what would be.

        Args:
            digest: The digest of the plan that was shown.
            parts: A hash of what the plan of now does to each job and module, by its class path or name.
        """
        super().__init__(digest, dict(parts))

    def __str__(self) -> str:
        """Say what is known without the plan that was shown."""
        return "The plan has moved since it was shown. Nothing was written."

    @property
    def digest(self) -> str:
        """The digest of the plan that was shown."""
        return str(self.args[0])

    @property
    def parts(self) -> dict[str, str]:
        """A hash of what the plan of now does to each job and module."""
        return dict(self.args[1])
