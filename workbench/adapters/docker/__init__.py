"""The Docker runtime: a system as containers of one compose project, under the same supervisor."""
