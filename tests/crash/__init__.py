"""Kills, stops and holds up the real command, then counts what was lost and what was paid."""
