//! The client against a provider at fault.
