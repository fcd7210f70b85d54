"""The fleets: their unicorns, what they ask for a ride, and how they answer."""
