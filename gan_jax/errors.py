"""Errors whose message is for the user: one line that says what is wrong, where, and how to fix it."""


class UserError(ValueError):
    """Bad input. Commands print only its message, and exit with code 2."""


class Missing(UserError, FileNotFoundError):
    """A file or folder that isn't there."""


class NotFinite(UserError, FloatingPointError):
    """A number that is infinite or NaN where a finite one is needed."""
