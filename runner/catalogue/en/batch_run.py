"""The English sentences of a run about its provider batches."""

BATCH_RUN = {
    "batch.created": (
        "{rows} {rows:row|rows} of {model} {rows:is|are} at the provider as batch {id}, "
        "due by {due}."
    ),
    "batch.taken_in": "Batch {id} has ended and is taken in ({rows} {rows:row|rows} of {model}).",
    "batch.refused": (
        "A batch of {rows} {rows:row|rows} of {model} was not created: {reason}. Its rows are "
        "still pending; nothing was bought."
    ),
    "batch.held": (
        "A batch of {rows} {rows:row|rows} of {model} is in doubt: {reason}. It may have "
        "been bought. Look at the provider's own list of batches before you send these rows again."
    ),
    "batch.unfit": (
        "{rows} {rows:row|rows} of {model} cannot go into a batch and {rows:stays|stay} pending; "
        "`show` tells why. Rows that wait are sent online from --online-from on."
    ),
    "batch.online": "{rows} {rows:row|rows} that no batch has bought {rows:goes|go} online now.",
    "batch.elsewhere": (
        "Batches of this sheet are open at {address}, with a key that this run does not use."
    ),
    "batch.why_batch_cancelled": "it was cancelled before it was created",
    "batch.why_lines_gone": "its packed lines are no longer on this machine",
    "batch.why_creation_lost": (
        "its creation got no answer, and the provider's list does not tell whether it exists"
    ),
    "batch.why_batch_missing": "the provider does not know it any more",
    "batch.why_refused": "the provider refused it",
}
