"""Tests of the wheel, the zip and the container file."""
