"""The terminal: options, usage errors, layout, progress, interrupts."""
