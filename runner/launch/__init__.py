"""One run as one story: take in, estimate, agree, pilot, run, finish, notify."""
