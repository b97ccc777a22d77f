//! What is refused, and how: message, exit code, nothing lost.
