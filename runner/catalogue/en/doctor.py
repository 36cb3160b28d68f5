"""The English sentences of doctor."""

DOCTOR = {
    "command.doctor": (
        "Effective settings, connection, key, models, prices, clock, disk and table; free."
    ),
    "option.models": "list the models that this key may use",
    "option.bundle": "write a zip to send to support: no key, no prompts, no answers",
    "doctor.settings": "Settings in force",
    "doctor.files": "files",
    "doctor.checks": "Checks",
    "doctor.models": "Models",
    "doctor.bundle": "Written: {file} (no key, no prompts, no answers are in it)",
    "doctor.bundle_failed": "{file} could not be written: {reason}.",
    "doctor.proxy.none": "No proxy is used.",
    "doctor.proxy.settings": "The settings' proxy {host} is used.",
    "doctor.proxy.system": "The environment's proxy {host} is used.",
    "doctor.by_default": "{count} more at their defaults; -v lists them.",
    "doctor.connection.good": "{url} answers in {ms} ms (asked: {asked}).",
    "doctor.connection.unreached": "{url} cannot be reached: {why}",
    "doctor.connection.no_answer": "{url} gave no complete response: {why}",
    "doctor.connection.unusable": "The connection cannot be tested: {why}",
    "doctor.connection.not_asked": (
        "{url} was not contacted: only a settings file next to the sheet names it. If it is "
        "right: rowmill trust FILE"
    ),
    "doctor.connection.redirect": (
        "{url} redirects to {to}. Paid requests follow no redirects: use that address as the "
        "base URL."
    ),
    "doctor.connection.elsewhere": (
        "There is no API at {url}, but there is one at {other}: use that as the base URL."
    ),
    "doctor.connection.console": (
        "{url} returns a web page, not an API response: it is probably the address of a console."
    ),
    "doctor.connection.no_list": "{url} responds but lists no models; many services do not.",
    "doctor.connection.strange": "{url} responds with HTTP {status} and no JSON.",
    "doctor.from_default": "default",
    "doctor.from_flag": "flag",
    "doctor.from_environment": "environment",
    "doctor.from_config_file": "config file",
    "doctor.from_sheet_file": "sheet file",
    "doctor.from_trusted_file": "trusted file",
    "doctor.from_user_file": "user file",
    "doctor.from_remembered": "remembered",
    "doctor.key.none": "There is no key for this address: rowmill keys set {provider}",
    "doctor.key.refused": "The key cannot be used: {why}",
    "doctor.key.rejected": "The key {key} was rejected by {url}.",
    "doctor.key.accepted": "The key {key} is accepted.",
    "doctor.key.unproven": "The key {key} can only be verified by a paid request.",
    "doctor.models.listed": "{count} model{count:|s} {count:is|are} listed for this key.",
    "doctor.models.meant": "Model {model} is not listed. Did you mean {near}?",
    "doctor.models.unlisted": "Model {model} is not listed.",
    "doctor.prices.gateway": "The gateway gives the price{count:|s} of {count} model{count:|s}.",
    "doctor.prices.book": (
        "The gateway gives no prices: list prices of {date} are used, as estimates."
    ),
    "doctor.prices.unknown": 'No price is known for {models}: give it under [prices."MODEL"].',
    "doctor.prices.till": "The gateway's credit: {left} USD.",
    "doctor.clock.good": "This machine's clock agrees with the gateway's.",
    "doctor.clock.fast": "This machine's clock is {seconds} s ahead of the gateway's.",
    "doctor.clock.slow": "This machine's clock is {seconds} s behind the gateway's.",
    "doctor.folder.good": "{folder} can be written.",
    "doctor.folder.unwritable": "{folder} cannot be written.",
    "doctor.folder.shared": (
        "The folder is on a shared file system: the table is written more slowly and more safely "
        "there."
    ),
    "doctor.disk.good": "{free} of disk space are free.",
    "doctor.disk.little": "Only {free} of disk space are free.",
    "doctor.table.good": "The table is intact (schema {revision}).",
    "doctor.table.damaged": "The table is damaged: {why}",
    "doctor.table.unusable": "The table cannot be used: {why}",
    "doctor.table.held": "A run is using the table now.",
}
