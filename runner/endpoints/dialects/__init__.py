"""Request and response formats that several endpoints share."""
