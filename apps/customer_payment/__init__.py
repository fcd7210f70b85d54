"""Customer payment: payment methods, payments and refunds, through a payment provider."""
