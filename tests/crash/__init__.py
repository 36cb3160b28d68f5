"""Kills, stops and delays the real command, then checks that nothing was lost or paid twice."""
