"""The one error of this package."""


class EmbeddedServerError(Exception):
    """An embedded server cannot be started, or a directory it needs is not safe to use."""
