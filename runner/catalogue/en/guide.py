"""The English sentences of a first run's questions."""

GUIDE = {
    "command.guide": "Ask what is missing, run three rows, then ask about the rest.",
    "option.setup": "ask everything again, with the earlier answers as defaults",
    "guide.back": "Enter takes what is in brackets, < goes back.",
    "guide.columns": "{sheet} has these columns: {headers}",
    "guide.address": "Address of the gateway",
    "guide.endpoint": "Which kind of request (number or name)",
    "guide.prompt_column": "Which column holds the prompt (number or name)",
    "guide.model": "Which model, as the provider writes it",
    "guide.stored_key": "Use the stored key for {url} ({masked})",
    "guide.model_listed": "Which model (number, name, or a part of it to search)",
    "guide.more_models": "and {count} more; type a part of the name",
    "guide.unlisted_model": "{model} is not in the gateway's list. Use it anyway",
    "guide.hidden": "Send the hidden rows, too",
    "guide.without_bad": "Run without these rows",
    "guide.price": "What does one call of {model} cost (Enter: unknown)",
    "guide.one_of": "a number from 1 to {count}, or a name from the list",
    "guide.settings_written": "Settings saved to {file} (without the key).",
    "guide.settings_kept": (
        "{file} already exists and was not changed; the sheet's workspace remembers the choices."
    ),
    "guide.settings_failed": (
        "{file} cannot be written ({reason}); the sheet's workspace remembers the choices."
    ),
    "guide.try": "Send the first {calls} row{calls:|s} to {host} now (price {price})",
    "guide.rest": "Run the other {calls} row{calls:|s} (price {price}; {time})",
    "guide.go_on": "Continue",
}
