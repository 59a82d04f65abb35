"""REST API of the job registry."""
