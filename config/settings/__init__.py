"""Settings: `base` holds what is common; `local`, `test` and `production` what differs."""
