"""Engines that start the hosts of a run on other machines."""
