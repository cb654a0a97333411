"""Helpers that several rooms share; none of them is public."""
