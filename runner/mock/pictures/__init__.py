"""The pictures that the mock gateway draws and serves."""
