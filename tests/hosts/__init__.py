"""Runs of several hosts on one shared table."""
