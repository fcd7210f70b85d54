"""What may be done with payments and with the cards that pay them."""
