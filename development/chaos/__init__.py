"""Chaos on a real Nautobot: a random walk that an oracle follows, and many processes that edit and reconcile at once.

`walk` does one step after the other, chosen by a seed, and asks after each whether all that was decided is in effect.
`mix` runs reconciles, editors, core's own refresh and Git syncs beside each other, and kills some of them.
"""
