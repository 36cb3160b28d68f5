"""What starts rowmill where nobody has Python or git: a zip with everything in it."""
