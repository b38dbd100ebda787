"""Policy versions, classification, rounds, offers, notices, objections."""
