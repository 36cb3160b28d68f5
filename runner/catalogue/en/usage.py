"""The English sentences about a command line that cannot be understood."""

USAGE: dict[str, str] = {
    "usage.options": "[OPTIONS]",
    "usage.command": "COMMAND [ARGS]...",
    "usage.maybe_command": "[COMMAND] [ARGS]...",
    "usage.no_option": "No such option '{name}'.",
    "usage.missing_argument": "Missing argument {name}.",
    "usage.missing_option": "Missing option {name}.",
    "usage.missing_command": "Missing command: one of {known}.",
    "keys.no_command": "There is no command {name} under keys. There are: {known}.",
    "usage.bad_value": "Invalid value for {name}: {expected}",
    "usage.needs_value": "Option '{name}' requires an argument.",
    "usage.no_value": "Option '{name}' does not take a value.",
    "usage.extra": "Got unexpected extra argument{count:|s} ({arguments})",
    "usage.yes_or_no": "Please answer y or n.",
    "expected.between": "a whole number from {low} to {high}",
}
