//! What an operator sees: health, metrics, the data directory, the log, the end.

mod backup;
mod check;
mod drain;
pub(crate) mod health;
mod lock;
mod marker;
mod relaxed;
pub(crate) mod rotate;
mod scrub;
pub(crate) mod secrets;
