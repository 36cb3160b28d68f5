"""The run itself: session, dispatcher, worker pool, supervisor."""
