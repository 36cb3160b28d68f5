#!/bin/sh
# The same for a double click in macOS.
exec "$(dirname -- "$0")/start.sh" "$@"
