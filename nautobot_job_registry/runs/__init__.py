"""The anchors of runs and schedules, and which code a run executed."""
