"""GraphQL of the job registry."""
