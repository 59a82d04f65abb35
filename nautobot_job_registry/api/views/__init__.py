"""REST view sets of the job registry."""
