"""What runs jobs: the wire, the endpoints, the crews and the command line."""
