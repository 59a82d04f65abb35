"""The arguments that a schedule has stored, held against the inputs that a job asks for: plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class ArgumentProblemKind(str, Enum):
    """Why a stored argument does not fit."""

    UNKNOWN = "unknown"
    MISSING = "missing"


@dataclass(frozen=True)
class ArgumentProblem:
    """One argument that does not fit.

    Attributes:
        kind: Why.
        argument: Its name.
    """

    kind: ArgumentProblemKind
    argument: str

    @property
    def message(self) -> str:
        """What it means for the next run, as a sentence."""
        if self.kind is ArgumentProblemKind.UNKNOWN:
            return f"'{self.argument}' is stored, but the job has no such input: the value is ignored."
        return f"'{self.argument}' is required, but not stored: the run fails, unless run() has a default for it."


def argument_problems(
    variables: Iterable[Mapping[str, Any]], stored: Mapping[str, Any] | None
) -> tuple[ArgumentProblem, ...]:
    """Compare the inputs that a job asks for with the arguments that a schedule has stored.

    Nautobot hands on what is stored, without what the job has no input for; the default of an input fills the form
    only, and not a run.

    Args:
        variables: The input variables, as the metadata of a revision hold them.
        stored: The arguments of the schedule, by name.

    Returns:
        The problems, those of unknown arguments first, each kind by name; none where all of it fits.
    """
    inputs = {str(variable.get("name")): variable for variable in variables}
    arguments = stored or {}
    unknown = sorted(name for name in arguments if name not in inputs)
    missing = sorted(name for name, found in inputs.items() if found.get("required") and arguments.get(name) is None)
    return (
        *(ArgumentProblem(ArgumentProblemKind.UNKNOWN, name) for name in unknown),
        *(ArgumentProblem(ArgumentProblemKind.MISSING, name) for name in missing),
    )


def missing_arguments(
    variables: Iterable[Mapping[str, Any]] | None, stored: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """Return the inputs that a job requires and a schedule has not stored, so that its next run fails.

    Args:
        variables: The input variables, as the metadata of a revision hold them; None where nothing is known of them.
        stored: The arguments of the schedule, by name.
    """
    problems = argument_problems(variables or (), stored)
    return tuple(problem.argument for problem in problems if problem.kind is ArgumentProblemKind.MISSING)
