"""Provider batches: jobs of a provider that answer many rows at once, for less."""
