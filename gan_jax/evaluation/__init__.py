"""What a run is worth: figures with their protocol, side by side."""
