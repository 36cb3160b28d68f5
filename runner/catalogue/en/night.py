"""The English sentences of a night: pace, pauses, steering, pilot, notifications."""

NIGHT = {
    "option.concurrency": "calls at once; auto finds what the provider lets through",
    "option.rpm": "at most N requests a minute, for all runs on this machine with this account",
    "option.tpm": "at most N tokens a minute, likewise",
    "option.until": "stop at this time of day, or after so long; calls in flight end first",
    "option.pilot": "run N rows of all kinds first, show them, and go on only if that went well",
    "option.notify": "tell this address when the run is over: a webhook, or one of apprise's",
    "option.on-finish": "run this command when the run is over, with the counts as variables",
    "option.pause": "start no more calls until --resume",
    "option.resume": "go on after --pause; also ends a wait for the provider",
    "option.watch": "show it again and again until the run is over",
    "expected.at_once": "a whole number from 1, or auto",
    "expected.until": "a time of day such as 07:00, or a time from now such as 90m or 8h",
    "expected.command": "a command with its words, quotes closed",
    "command.steer": "Change a run that is going on, from another terminal.",
    "run.stopped_until": "Stopped: the time of --until has come.",
    "run.stopped_rule": "Stopped by stop_if: too many of the last rows failed.",
    "run.stopped_pilot": "Stopped after the pilot; the other rows were not sent.",
    "run.last_calls": (
        "Waiting for the last {calls} {calls:call|calls}: {rows}. None is waited for beyond that."
    ),
    "run.last_call": "row {row} until {time}",
    "pilot.rows": "pilot: {rows} {rows:row|rows}: {done} done, {failed} failed, {pending} open",
    "pilot.cost": (
        "a row cost {each} {currency}; the other {left} cost{left:s|} about {all} {currency}"
    ),
    "pilot.cost_unknown": "what a row cost is not known: its model has no price",
    "pilot.file": "  {path}",
    "pilot.more_files": "  and {count} more",
    "pilot.ask": "Go on with the other {left} row{left:|s}?",
    "steer.nothing": "Say what: --pause, --resume, -c, --rpm, --tpm, --max-cost, --until.",
    "steer.both": "--pause and --resume at once make no sense.",
    "steer.no_run": "No run is going on here.",
    "steer.done": "Told the run: {what}. It obeys within a second or two.",
    "status.pause": "paused",
    "status.pause_person": "by hand since {since}; rowmill steer --resume goes on",
    "status.pause_outage": "nobody is there ({cause}) since {since}; it goes on by itself",
    "status.pause_slow": "the provider asked to slow down ({cause}), until {until}",
    "status.key_dropped": "{key} is used no more: {cause}",
    "status.keys": "keys",
    "status.watching": "Ctrl-C ends this view; the run goes on.",
    "notify.finished": "rowmill: {sheet} is finished",
    "notify.stopped": "rowmill: {sheet} was stopped",
    "notify.rows": "{done} done, {failed} failed, {in_doubt} in doubt, {pending} open",
    "notify.top_failure": "most frequent failure: {kind}",
    "notify.cost": "cost so far: {cost}",
    "notify.next": "next: {command}",
    "notify.failed": "The notification could not be sent: {reason}.",
    "notify.command_failed": "The command of --on-finish failed: {reason}.",
    "notify.no_address": "--notify (or [notify]) has no address that a message can be sent to.",
    "notify.unreachable": (
        "The address for notifications cannot be reached now: {reason}. The run goes on."
    ),
    "notify.no_apprise": "this address needs apprise: pip install 'rowmill[notify]'",
    "notify.slow": "no answer within {seconds} s",
    "notify.refused": "the service did not take it",
    "notify.exit": "exit code {code}",
    "incident.event_steered": "Changed by hand from another terminal.",
    "incident.away": (
        "Nothing was sent for {time}: call after call went wrong ({cause}). The rows waited."
    ),
    "incident.away_still": "Call after call went wrong ({cause}) until the run ended.",
    "incident.slow_down": (
        "The provider said {times} {times:time|times} to slow down; the pace was lowered."
    ),
    "incident.event_key_dropped": "{key} was used no more: {cause}.",
    "incident.event_key_dropped_key": "{key} was refused and used no more; the other keys went on.",
    "incident.event_key_dropped_credit": (
        "{key} had no credit left and was used no more; the other keys went on."
    ),
}
