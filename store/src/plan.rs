//! Plans: what an organisation may take up. They are rows of the configuration, and never stored; an organisation's row
//! names its plan.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// What an organisation may take up, on every door alike. `None` is without limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its unique name.
    pub name: String,
    /// Whether it includes what is for paying organisations only.
    pub paid: bool,
    /// Buckets, those being deleted aside.
    pub max_buckets: Option<u64>,
    /// Bytes of all objects and open uploads, of buckets being deleted aside.
    pub max_storage_bytes: Option<u64>,
    /// Bytes sent in a calendar month, UTC.
    pub max_bandwidth_bytes_per_month: Option<u64>,
    /// Requests in any 60 seconds on the JSON doors.
    pub max_requests_per_minute: Option<u32>,
    /// Requests in any 60 seconds on the S3 door.
    pub s3_requests_per_minute: Option<u32>,
    /// Bytes of one object.
    pub max_file_size_bytes: Option<u64>,
    /// Days for which request logs are kept.
    pub log_retention_days: u32,
    /// Whether what is stored beyond the limit is counted and let through rather than refused.
    pub overage: bool,
    /// Whether nothing is sent any more once a month's bandwidth is used up.
    pub enforce_bandwidth: bool,
    /// What it allows on the uploads door beside all that.
    pub uploads: UploadCaps,
}

/// What a plan allows on the uploads door. `None` is without limit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct UploadCaps {
    /// Bytes of one file.
    pub max_file_size_bytes: Option<u64>,
    /// Files confirmed in a calendar month, UTC.
    pub uploads_per_month: Option<u64>,
    /// Projects of an organisation.
    pub projects: Option<u64>,
    /// Keys of a project.
    pub keys_per_project: Option<u64>,
    /// Requests by one key in any 60 seconds.
    pub requests_per_minute: Option<u32>,
}

impl UploadCaps {
    fn of(max_file_size: u64, uploads: u64, owned: u64, requests: u32) -> Self {
        Self {
            max_file_size_bytes: Some(max_file_size),
            uploads_per_month: Some(uploads),
            projects: Some(owned),
            keys_per_project: Some(owned),
            requests_per_minute: Some(requests),
        }
    }
}

impl Plan {
    /// The plan that an organisation is on unless something else is said.
    pub const DEFAULT: &str = "enterprise";

    /// A paid plan of that name without any limit.
    pub fn unlimited(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            paid: true,
            max_buckets: None,
            max_storage_bytes: None,
            max_bandwidth_bytes_per_month: None,
            max_requests_per_minute: None,
            s3_requests_per_minute: None,
            max_file_size_bytes: None,
            log_retention_days: 90,
            overage: false,
            enforce_bandwidth: false,
            uploads: UploadCaps::default(),
        }
    }
}

/// All plans, each under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(Vec<Arc<Plan>>);

impl Default for Plans {
    /// The plans of a configuration that says nothing of plans.
    fn default() -> Self {
        let free = Plan {
            paid: false,
            max_buckets: Some(1),
            max_storage_bytes: Some(GIB),
            max_bandwidth_bytes_per_month: Some(10 * GIB),
            max_requests_per_minute: Some(100),
            s3_requests_per_minute: Some(60),
            max_file_size_bytes: Some(100 * MIB),
            log_retention_days: 7,
            uploads: UploadCaps::of(4 * MIB, 1_000, 2, 60),
            ..Plan::unlimited("free")
        };
        let pro = Plan {
            max_buckets: Some(10),
            max_storage_bytes: Some(100 * GIB),
            max_bandwidth_bytes_per_month: Some(TIB),
            max_requests_per_minute: Some(1_000),
            s3_requests_per_minute: Some(600),
            max_file_size_bytes: Some(5 * GIB),
            log_retention_days: 30,
            uploads: UploadCaps::of(512 * MIB, 50_000, 10, 300),
            ..Plan::unlimited("pro")
        };
        let team = Plan {
            name: "team".to_owned(),
            max_buckets: Some(50),
            max_storage_bytes: Some(TIB),
            max_bandwidth_bytes_per_month: Some(2 * TIB),
            s3_requests_per_minute: Some(1_000),
            uploads: UploadCaps::of(5 * GIB, 500_000, 50, 1_000),
            ..pro.clone()
        };
        let enterprise = Plan {
            max_requests_per_minute: Some(10_000),
            uploads: UploadCaps {
                max_file_size_bytes: Some(10 * GIB),
                requests_per_minute: Some(10_000),
                ..UploadCaps::default()
            },
            ..Plan::unlimited(Plan::DEFAULT)
        };
        Self([free, pro, team, enterprise].map(Arc::new).into())
    }
}

impl Plans {
    /// The plan of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Plan>> {
        self.0.iter().find(|plan| plan.name == name)
    }

    /// Adds a plan, in place of the one of its name.
    pub fn set(&mut self, plan: Plan) {
        let plan = Arc::new(plan);
        match self.0.iter_mut().find(|known| known.name == plan.name) {
            Some(known) => *known = plan,
            None => self.0.push(plan),
        }
    }

    /// The names of all plans.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|plan| plan.name.as_str())
    }

    /// The plan of that name, or an error that names the organisation that is on it.
    pub(crate) fn must_have(&self, name: &str, organisation: &str) -> Result<&Plan> {
        self.get(name).map(|plan| &**plan).ok_or_else(|| {
            let known = self.names().collect::<Vec<_>>().join(", ");
            let message = format!("organisation {organisation:?}: plan {name:?} is unknown; the plans are {known}");
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_takes_the_place_of_the_one_of_its_name() {
        let mut plans = Plans::default();
        assert_eq!(plans.names().collect::<Vec<_>>(), ["free", "pro", "team", "enterprise"]);
        plans.set(Plan { max_buckets: Some(3), ..Plan::unlimited("free") });
        plans.set(Plan::unlimited("lab"));
        assert_eq!(plans.names().collect::<Vec<_>>(), ["free", "pro", "team", "enterprise", "lab"]);
        assert_eq!(plans.get("free").unwrap().max_buckets, Some(3));
        assert!(plans.get("gold").is_none());
    }

    #[test]
    fn an_unknown_plan_is_told_with_those_that_are_known() {
        let error = Plans::default().must_have("gold", "acme").unwrap_err();
        let told = "organisation \"acme\": plan \"gold\" is unknown; the plans are free, pro, team, enterprise";
        assert_eq!(error.message(), told);
    }
}
