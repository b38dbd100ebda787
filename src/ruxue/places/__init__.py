"""Districts, schools, zones, compounds and addresses, seasons with their windows, seat plans."""
