"""What may be done at ride booking: ask for quotes, answer, accept, ride."""
