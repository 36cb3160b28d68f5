"""Settings: one schema, resolved once, each value with its source."""
