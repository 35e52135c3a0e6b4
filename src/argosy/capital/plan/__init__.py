"""What capital.toml says, and what is wrong with it."""
