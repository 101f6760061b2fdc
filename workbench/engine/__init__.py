"""Runs a plan on ports. Knows no tool."""
