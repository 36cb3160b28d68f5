"""Tests that kill, stop and hold up the real command, then count what was lost and what was paid."""
