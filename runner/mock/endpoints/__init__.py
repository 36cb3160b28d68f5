"""One file for each path that the mock gateway answers."""
