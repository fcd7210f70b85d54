"""Ride booking: requests for quotes, the quotes that come, and the ride that is booked of them."""
