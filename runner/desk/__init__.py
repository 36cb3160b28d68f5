"""The whole job in a browser: start, run, look, hand back. It keeps no state of its own."""
