"""Management commands of the job registry."""
