"""How a Django team would do it today. Each module states its settings."""
