"""A sheet becomes requests, compared with what was loaded before."""
