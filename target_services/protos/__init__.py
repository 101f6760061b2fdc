"""What services say to each other over gRPC. `make protos` makes the modules and descriptors here from the files."""
