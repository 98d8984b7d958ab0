//! The key-value door: what its contract says, in literal answers.

mod count;
mod credential;
mod home;
mod limits;
mod list;
mod manners;
mod policy;
mod rows;
mod script;
mod script_escapes;
mod script_rights;
mod token;
mod txn;
mod value;
