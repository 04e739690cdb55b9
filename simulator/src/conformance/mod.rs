//! The proof that the simulated API server answers as a real one does.
