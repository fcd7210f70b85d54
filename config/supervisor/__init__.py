"""One command that runs the whole platform on one machine: start, watch, restart, stop."""
