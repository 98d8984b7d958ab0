//! The kinds of values: how each is read from a file or from text, what of it is accepted, and how it is printed.

mod choice;
mod number;
mod several;
mod text;
mod value;

pub(crate) use choice::OneOf;
pub use choice::{BlobChecksum, BlobKind, Durability, KvOpenTo, LogFormat, LogLevel, ObjectOwnership, ProxyHeaders};
pub(crate) use number::{Count, Flag, Limited, Size};
pub use number::{Limit, parse_size};
pub(crate) use several::{Networks, Several};
pub(crate) use text::{Address, Path, SecretText, Text, Texts, Time, quote};
pub(crate) use value::{Kind, Optional, Raw};
