"""Lanes: how a call is bought, at once or slowly for half the money, and what was billed."""
