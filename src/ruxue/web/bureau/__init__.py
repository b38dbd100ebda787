"""Pages of district and city bureaus and auditors."""
