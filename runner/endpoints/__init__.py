"""The kinds of request, one file each."""
