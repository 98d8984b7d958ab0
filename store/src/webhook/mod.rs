//! Webhooks: who is told of a file that was uploaded, until it was heard. A delivery is written by the commit that makes it
//! true, and stays, told or dead, for as long as what was kept of its file.

mod deliver;
mod manage;
mod row;

pub use deliver::{Attempt, Due};
pub(crate) use deliver::{queue, remove_of_bucket};
pub use manage::{DeliveryFilter, DeliveryPage, Sample};
pub use row::{Delivery, DeliveryRow, DeliveryStatus};
