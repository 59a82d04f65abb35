"""Our reconcile and core's own refresh, side by side in one run on the same machine."""
