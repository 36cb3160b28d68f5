"""The English sentences of a first run's questions."""

GUIDE = {
    "command.guide": "Ask what is missing, run three rows, then ask about the rest.",
    "guide.columns": "{sheet} has the columns: {headers}",
    "guide.address": "Address of the gateway",
    "guide.endpoint": "Which kind of request (number or name)",
    "guide.prompt_column": "Which column holds the prompt (number or name)",
    "guide.model": "Which model, as the provider calls it",
    "guide.price": "What does one call of {model} cost (Enter: not known)",
    "guide.one_of": "a number from 1 to {count}, or a name of the list",
    "guide.settings_written": "Kept in {file}; the key is not in it.",
    "guide.settings_kept": (
        "{file} is there already and stays as it is; the sheet's workspace remembers the choices."
    ),
    "guide.settings_failed": (
        "{file} cannot be written ({reason}); the sheet's workspace remembers the choices."
    ),
    "guide.try": "Send the first {calls} row{calls:|s} to {host} now (price {price})",
    "guide.rest": "Run the other {calls} row{calls:|s} (price {price}; {time})",
    "guide.go_on": "Go on with it",
}
