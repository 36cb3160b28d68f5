"""Programs that hold rowmill's speed and memory against a named reference; README.md says how."""
