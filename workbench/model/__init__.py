"""Pure data: what the workbench reads, plans, records and says. No I/O, no clock."""
