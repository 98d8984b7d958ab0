//! What an operator sees: health, metrics, the data directory, the log, the end.

mod backup;
mod check;
mod drain;
mod health;
mod lock;
mod marker;
mod relaxed;
mod rotate;
mod scrub;
pub(crate) mod secrets;
