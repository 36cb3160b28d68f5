"""The English sentences about money, time and disk before a run, and about money after it."""

MONEY = {
    "option.max-cost": (
        "never spend more than this in this workspace; +20 is 20 more than so far, none removes "
        "the cap. Calls in flight count at their maximum price"
    ),
    "expected.cap": "an amount such as 20, +20 for 20 more than was spent so far, or none",
    "money.unknown": "unknown",
    "money.at_least": "at least {amount}",
    "money.about": "about {amount}",
    "money.between": "{low} to {high} {currency}",
    "money.estimate": "{amount} (estimate)",
    "money.by_gateway": "gateway price list",
    "money.by_book": "estimate from list prices of {date}",
    "money.no_price": "unknown for {models}",
    "money.doubt": (
        "{count} call{count:|s} got no response and may have been billed, up to {amount} more"
    ),
    "money.doubt_more": (
        "{count} call{count:|s} got no response and may have been billed, some of them up to "
        "{amount} more, the others at an unknown price"
    ),
    "money.doubt_unknown": (
        "{count} call{count:|s} got no response and may have been billed, at an unknown price"
    ),
    "money.most": "at most {amount}",
    "run.by_row": "endpoints by row",
    "run.ahead": "{time} · about {disk} of disk, {free} free",
    "run.ahead_for_real": "with a provider instead of the mock: ",
    "run.disk_short": "There is probably not enough disk space for all of it.",
    "ahead.usual": "{low} to {high} expected",
    "ahead.usual_one": "about {time} expected",
    "ahead.measured": "{low} to {high}, at the rate so far",
    "ahead.measured_one": "about {time}, at the rate so far",
    "ahead.disk": "{low} to {high}",
    "till.left": "gateway  {left} of credit",
    "till.lasts": "gateway  {left} of credit: enough for about {rows} of {calls} row{calls:|s}",
    "till.enough": "gateway  {left} of credit: enough for {calls:the|all} {calls} row{calls:|s}",
    "till.unlimited": "gateway  this key has no limit of its own",
    "till.after": (
        "gateway  charged {taken} meanwhile; our ledger for this run: {ours}; left: {left}"
    ),
    "till.now": "gateway  {left} of credit left",
    "budget.cap": "cap      {cap} for this workspace: {spent} spent so far, {left} left",
    "budget.uncounted": (
        "         {count} earlier call{count:|s} {count:has|have} no known price and "
        "{count:is|are} not in what was spent so far"
    ),
    "budget.unlimited": (
        "         No max_tokens limits the answers of {models}: each call is reserved at {tokens} "
        "tokens. A longer answer could pass the cap; --set max_tokens=N rules that out."
    ),
    "budget.unbounded_pictures": (
        "         Chat models send as many pictures as they like: each call of {models} is "
        "reserved at {count} pictures. An answer with more of them could pass the cap."
    ),
    "budget.unpriced": (
        "--max-cost needs a price for every model, and {models} {models:has|have} none. Nothing "
        "was sent. Add it to rowmill.toml (call, picture, or input and output for a million "
        "tokens):"
    ),
    "budget.mixed": (
        "--max-cost cannot add {currencies}. Nothing was sent. Give all prices in one currency "
        "under [prices] in rowmill.toml, or use another --workspace."
    ),
    "budget.too_dear": "row {row} needs up to {most}, and {left} of the cap is left",
    "budget.no_price": "row {row} has no known price",
    "run.stopped_budget": "Stopped by --max-cost: {detail}.",
    "check.cannot_write": "The folder {folder} cannot be written: {reason}.",
    "check.disk_need": "disk",
    "check.disk_of": "about {disk} of {free} free",
    "check.offer": "prices",
    "check.offer_at": "the gateway's, as of {time}",
    "check.price_line": "To give a model a price, in rowmill.toml:",
}
