"""The part of a report that answers questions: figures to toggle, read and switch, offline."""
