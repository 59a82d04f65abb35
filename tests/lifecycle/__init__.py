"""The whole story, through real doors."""
