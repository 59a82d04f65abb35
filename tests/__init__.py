"""Tests of the Nautobot Job Registry."""
