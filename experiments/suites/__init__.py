"""Built-in suites: data, not code; one TOML file each."""
