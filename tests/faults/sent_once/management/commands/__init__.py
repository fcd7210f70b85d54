"""No tables, one command."""
