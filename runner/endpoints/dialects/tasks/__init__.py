"""Requests that are submitted and asked after; the vendors' words are in the .toml files."""
