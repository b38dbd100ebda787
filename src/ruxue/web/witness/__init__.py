"""Pages of a ceremony: witnesses on their phones, the projector in the hall."""
