"""Writers of results, one file for each format."""
