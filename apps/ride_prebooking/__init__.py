"""Ride prebooking: rides that customers book ahead, by themselves or as part of a campaign."""
