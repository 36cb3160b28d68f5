"""Benchmarks of rowmill's speed and memory against a named reference; see README.md."""
