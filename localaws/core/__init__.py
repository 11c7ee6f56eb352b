"""The parts every service shares: provider base, errors, store, context, sandbox, gateway."""
