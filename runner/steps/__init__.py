"""One step of one job: send, poll, fetch or recover it, and decide what came of it."""
