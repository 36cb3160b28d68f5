"""The folder of a sheet: paths, lookup, spool, answers, log."""
