"""Statements that move the state of a job."""
