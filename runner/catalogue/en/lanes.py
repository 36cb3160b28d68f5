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
}
