"""The morning page, live: a server for this machine alone."""
