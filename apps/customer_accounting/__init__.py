"""Customer accounting: a double-entry ledger of what customers owe and what rides have earned."""
