//! MD5 of many bodies at once. A stream of MD5 is one chain of steps that each wait for the one before, which leaves most
//! of a core idle. Streams do not wait for each other, so a core takes several in for little more than the time of one.

mod digester;
mod lanes;
mod stream;

pub(super) use digester::Digesters;
pub use lanes::{Block, Run, take_in};
pub use stream::Md5;
