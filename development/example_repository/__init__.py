"""The content of an example Git repository: Nautobot needs this file to find the jobs."""
