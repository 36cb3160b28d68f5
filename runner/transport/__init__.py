"""Bytes out and in: client, transport, bodies, addresses."""
