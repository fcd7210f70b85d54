"""Customer notification: what a customer is told, in the app and by e-mail."""
