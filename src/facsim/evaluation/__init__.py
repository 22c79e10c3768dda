"""Judging: Events against Events, never a model; every score beside its floor."""
