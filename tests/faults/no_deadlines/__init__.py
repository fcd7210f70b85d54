"""A control: nobody keeps the deadlines of requests for quotes."""
