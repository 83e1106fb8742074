"""What the commands share: options, output, configuration and progress."""
