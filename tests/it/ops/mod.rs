//! What an operator sees: health, metrics, the data directory, the log, the end.

mod check;
mod drain;
mod health;
mod lock;
mod marker;
mod secrets;
