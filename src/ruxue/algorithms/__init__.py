"""Pure functions over arrays and dataclasses: no Django, no I/O, no clock; seeds are arguments."""
