"""Fuzzing of the readers, and what their property tests share with it."""
