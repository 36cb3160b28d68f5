"""Headers become fields, rows become requests, requests become staged jobs."""
