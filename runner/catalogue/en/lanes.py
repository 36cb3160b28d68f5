"""The English sentences of lanes and provider batches."""

LANES = {
    "group.lane": "Lane",
    "option.lane": (
        "how calls are bought: online; flex or batch (slower, for less, where it is sold)"
    ),
    "option.online-from": (
        "from this time of day send rows online that no provider batch has brought"
    ),
    "option.submit-only": "create the provider batches and end; the next run takes them in",
    "lane.no_batches": (
        "Provider batches are not known to be sold for {endpoint} {model} here. "
        "Without --lane batch the rows are sent online."
    ),
    "lane.prices": "by lane: {prices}",
    "lane.batch_price": "{batch} by batch; {online} if all rows end online",
    "lane.fits": (
        "Under the cap {fits} of {rows} row{rows:|s} fit into batches at once, each at the most it "
        "may cost; the others wait."
    ),
    "lane.fits_with": (
        "Under the cap {fits} of {rows} row{rows:|s} fit into batches at once, each at the most it "
        "may cost; the others wait. With --set {field}={tokens} all fit."
    ),
    "lane.cached": (
        "{percent} % of the prompts of the last {calls} call{calls:|s} of this sheet came from the "
        "provider's cache. They cost {online} online; in a batch, where a cache mostly saves "
        "nothing, they would have cost {batch}."
    ),
    "lane.batch": (
        "lane batch: the provider answers within a day or so; a row that no batch brings stays "
        "pending until --online-from, or --lane online"
    ),
    "lane.batch_until": (
        "lane batch: what no batch has brought by {at} is sent online, at the usual price"
    ),
    "command.batches": "Show the provider batches of a sheet; cancel them, remove their files.",
    "option.cancel": "have the batch of this id or number ended; what it has finished is billed",
    "option.clean": "remove the files of ended batches that are left at the provider",
    "status.batches": "Provider batches",
    "batches.none": "This sheet has no provider batches. They are made with: run --lane batch",
    "batches.rows": "{count} row{count:|s}",
    "batches.due": "due {at}",
    "batches.at_provider": "{rows} row{rows:|s} {rows:is|are} at the provider.",
    "batches.at_provider_due": "{rows} row{rows:|s} {rows:is|are} at the provider, due by {at}.",
    "batches.wait": (
        "{rows} row{rows:|s} that no batch has bought {rows:is|are} pending: the next run packs "
        "them again, --lane online or --online-from sends them online."
    ),
    "batches.up_to": "up to {amount}",
    "batches.intended": "being submitted",
    "batches.uploaded": "being submitted",
    "batches.at_work": "at the provider: {word}",
    "batches.at_work_done": "at the provider: {word}, {done} completed",
    "batches.cancelling": "being cancelled",
    "batches.ended": "ended; its results are being read",
    "batches.held": "in doubt: it may exist at the provider",
    "batches.taken_in": "ended: {rows}",
    "batches.rows_done": "{count} done",
    "batches.rows_failed": "{count} failed",
    "batches.rows_in_doubt": "{count} in doubt",
    "batches.rows_given_back": "{count} not billed",
    "batches.leftovers": (
        "{count} ended {count:batch|batches} still {count:has|have} files at the provider; "
        "--clean removes them."
    ),
    "batches.unknown": "This sheet has no provider batch {id}. List them with: rowmill batches",
    "batches.over": "Batch {id} has ended already; there is nothing to cancel.",
    "batches.cancelled": (
        "The provider is ending batch {id}. What it has finished is billed; the next run reads it."
    ),
    "batches.run_cancels": "The run in progress cancels batch {id}, and reads what is finished.",
    "batches.next_run_cancels": (
        "Batch {id} will be cancelled by the next run: the provider could not be told now."
    ),
    "batches.clean": "No files of ended batches are left at the provider.",
    "batches.cleaned": "Removed the files of {count} {count:batch|batches}.",
    "batches.not_cleaned": (
        "The files of {count} {count:batch|batches} could not be removed: the provider did not "
        "confirm, or the key of their account is not here."
    ),
}
