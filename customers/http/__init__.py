"""What every request passes: who calls, what comes in, what goes out."""
