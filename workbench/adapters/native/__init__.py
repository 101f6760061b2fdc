"""The native runtime: a system as local processes under a supervisor."""
