//! The life cycle of what a bucket holds: rules, what they come to, and the steps in which they are followed.

mod due;
mod find;
mod rule;
mod step;

pub use due::{Due, Facts, Rules, SETTING_RULE};
pub use rule::{Expiration, Filter, FilterForm, Lifecycle, LifecycleRule, NoncurrentExpiration};
pub use step::{LifecycleCursor, LifecycleStep};
