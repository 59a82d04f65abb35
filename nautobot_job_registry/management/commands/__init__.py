"""Management commands of the job registry, by name."""
