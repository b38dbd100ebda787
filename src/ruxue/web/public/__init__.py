"""Pages for everyone: no sign-in, nothing personal."""
