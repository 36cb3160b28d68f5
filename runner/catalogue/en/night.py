"""The English sentences of a night: pace, pauses, steering, pilot, notifications."""

NIGHT = {
    "option.concurrency": "calls at once; auto finds what the provider allows",
    "option.rpm": "at most N requests a minute, for all runs on this machine with this account",
    "option.tpm": "at most N tokens a minute, in the same way",
    "option.until": "stop at this time of day, or after this long; calls in flight finish first",
    "option.pilot": "run N varied rows first, show them, and continue only if most succeed",
    "option.notify": (
        "notify this address when the run is over: a webhook, or an address of apprise"
    ),
    "option.on-finish": "run this command when the run is over, with the counts in its environment",
    "option.pause": "start no more calls until --resume",
    "option.resume": "continue after --pause; also ends a wait for the provider",
    "option.watch": "refresh it until the run is over",
    "expected.at_once": "a whole number from 1, or auto",
    "expected.until": "a time of day such as 07:00, or a time from now such as 90m or 8h",
    "expected.command": "a command with its words, quotes closed",
    "command.steer": "Change a run in progress, from another terminal.",
    "run.stopped_until": "Stopped: the time of --until was reached.",
    "run.stopped_rule": "Stopped by stop_if: too many of the last rows failed.",
    "run.stopped_pilot": "Stopped after the pilot; the other rows were not sent.",
    "run.last_calls": "Waiting for {calls} {calls:call|calls} in flight: {rows}, at the latest.",
    "run.last_call": "row {row} until {time}",
    "pilot.rows": "pilot: {rows} {rows:row|rows}: {done} done, {failed} failed, {pending} left",
    "pilot.cost": (
        "a row cost {each} {currency}; the other {left} cost{left:s|} about {all} {currency}"
    ),
    "pilot.cost_unknown": "the cost of a row is unknown: its model has no price",
    "pilot.file": "  {path}",
    "pilot.more_files": "  and {count} more",
    "pilot.ask": "Continue with the other {left} row{left:|s}?",
    "steer.nothing": "Say what: --pause, --resume, -c, --rpm, --tpm, --max-cost, --until.",
    "steer.both": "--pause and --resume cannot be combined.",
    "steer.no_run": "No run is in progress here.",
    "steer.done": "Requested: {what}. It takes effect within 2 s.",
    "status.pause": "paused",
    "status.pause_person": "by hand since {since}; rowmill steer --resume continues",
    "status.pause_outage": "provider unreachable ({cause}) since {since}; resumes automatically",
    "status.pause_slow": "the provider asked to slow down ({cause}), until {until}",
    "status.key_dropped": "{key} is no longer used: {cause}",
    "status.keys": "keys",
    "status.watching": "Ctrl-C ends this view; the run goes on.",
    "notify.finished": "rowmill: {sheet} is finished",
    "notify.stopped": "rowmill: {sheet} was stopped",
    "notify.rows": "{done} done, {failed} failed, {in_doubt} in doubt, {pending} left",
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
    "notify.refused": "the service did not accept it",
    "notify.exit": "exit code {code}",
    "incident.event_steered": "Changed by hand from another terminal.",
    "incident.away": (
        "Paused for {time}: the provider kept failing ({cause}). No attempts were used up."
    ),
    "incident.away_still": "The provider kept failing ({cause}) until the run ended.",
    "incident.slow_down": (
        "The provider asked {times} {times:time|times} to slow down; the rate was lowered."
    ),
    "incident.event_calls_at_once": (
        "The provider accepts only {limit} {limit:request|requests} at once; no more were sent."
    ),
    "incident.event_key_dropped": "{key} was no longer used: {cause}.",
    "incident.event_key_dropped_key": (
        "{key} was rejected and no longer used; the other keys continued."
    ),
    "incident.event_key_dropped_credit": (
        "{key} had no credit left and was no longer used; the other keys continued."
    ),
}
