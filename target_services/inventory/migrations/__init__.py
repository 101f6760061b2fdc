"""Revisions of the schema of inventory, oldest first. One that was released is never changed."""
