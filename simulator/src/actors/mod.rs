//! What acts on a cluster besides the operator, each with a delay of its own.
