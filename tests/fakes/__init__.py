"""Fakes for every port of the engine: a world in memory whose clock moves only when somebody sleeps."""
