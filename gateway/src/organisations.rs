//! Turns what the settings say about plans, organisations, buckets and keys into what the store is to make of it.

use windlass_config::{self as config, Fault, Faults, Key, Organisation, Root, Settings};
use windlass_store::bootstrap::{Bootstrap, DeclaredBucket, DeclaredKey, NewOrganisation};
use windlass_store::bucket::{BucketPatch, CachePreset};
use windlass_store::key::{Credentials, Scope, Scopes};
use windlass_store::name::BucketName;
use windlass_store::plan::{Plan, Plans, UploadCaps};

/// The plans: those that are there by default, with what the settings say of them, and those of the settings.
pub(crate) fn plans(settings: &Settings) -> Plans {
    let mut plans = Plans::default();
    for stated in &settings.plans {
        let base = plans.get(&stated.name).map_or_else(|| Plan::unlimited(&stated.name), |plan| Plan::clone(plan));
        plans.set(planned(base, stated));
    }
    plans
}

/// A plan with what is stated of it in place of what it was.
fn planned(base: Plan, stated: &config::Plan) -> Plan {
    let bytes = |stated: Option<config::Limit>, base| stated.map_or(base, config::Limit::at_most);
    let requests = |stated: Option<config::Limit>, base| {
        stated.map_or(base, |limit| limit.at_most().map(|most| u32::try_from(most).unwrap_or(u32::MAX)))
    };
    Plan {
        paid: stated.paid.unwrap_or(base.paid),
        max_buckets: bytes(stated.max_buckets, base.max_buckets),
        max_storage_bytes: bytes(stated.max_storage_bytes, base.max_storage_bytes),
        max_bandwidth_bytes_per_month: bytes(stated.max_bandwidth_bytes_per_month, base.max_bandwidth_bytes_per_month),
        max_requests_per_minute: requests(stated.max_requests_per_minute, base.max_requests_per_minute),
        s3_requests_per_minute: requests(stated.s3_requests_per_minute, base.s3_requests_per_minute),
        max_file_size_bytes: bytes(stated.max_file_size_bytes, base.max_file_size_bytes),
        log_retention_days: stated
            .log_retention_days
            .map_or(base.log_retention_days, |days| u32::try_from(days).unwrap_or(u32::MAX)),
        overage: stated.overage.unwrap_or(base.overage),
        enforce_bandwidth: stated.enforce_bandwidth.unwrap_or(base.enforce_bandwidth),
        uploads: UploadCaps {
            max_file_size_bytes: bytes(stated.uploads_max_file_size_bytes, base.uploads.max_file_size_bytes),
            uploads_per_month: bytes(stated.uploads_per_month, base.uploads.uploads_per_month),
            projects: bytes(stated.max_projects, base.uploads.projects),
            keys_per_project: bytes(stated.max_keys_per_project, base.uploads.keys_per_project),
            requests_per_minute: requests(stated.uploads_requests_per_minute, base.uploads.requests_per_minute),
        },
        name: base.name,
    }
}

/// What to make at the start. All names and scopes that are not valid are told at once.
pub(crate) fn plan(settings: &Settings) -> Result<Bootstrap, Faults> {
    let mut faults = Faults::default();
    check_plans(settings, &mut faults);
    let organisations = settings
        .organisations
        .iter()
        .enumerate()
        .map(|(i, organisation)| new_organisation(&format!("organisation[{i}]"), organisation, &mut faults))
        .collect();
    faults.or(Bootstrap { root: root(&settings.root), organisations })
}

fn root(root: &Root) -> Option<Credentials> {
    Some(Credentials {
        access_key_id: root.access_key.clone()?,
        secret_access_key: root.secret_key.as_ref()?.expose().to_owned(),
        token: root.token.as_ref().map(|token| token.expose().to_owned()),
    })
}

fn new_organisation(path: &str, organisation: &Organisation, faults: &mut Faults) -> NewOrganisation {
    NewOrganisation {
        name: organisation.name.clone(),
        plan: organisation.plan.clone(),
        default_bucket: organisation
            .default_bucket
            .as_ref()
            .and_then(|name| bucket_name(&format!("{path}.default_bucket"), name, faults)),
        buckets: buckets(path, organisation, faults),
        keys: organisation
            .keys
            .iter()
            .enumerate()
            .map(|(i, key)| declared_key(&format!("{path}.key[{i}]"), key, faults))
            .collect(),
    }
}

fn declared_key(path: &str, key: &Key, faults: &mut Faults) -> DeclaredKey {
    DeclaredKey {
        name: key.name.clone(),
        credentials: Credentials {
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret_access_key.expose().to_owned(),
            token: key.token.as_ref().map(|token| token.expose().to_owned()),
        },
        scopes: key.scopes.as_ref().map_or(Scopes::ALL, |names| scopes(&format!("{path}.scopes"), names, faults)),
        buckets: key.buckets.as_ref().map(|names| bucket_names(&format!("{path}.buckets"), names, faults)),
        expires_ms: key.expires_at,
    }
}

/// The plan of every organisation must be one that there is.
fn check_plans(settings: &Settings, faults: &mut Faults) {
    let plans = plans(settings);
    for (i, organisation) in settings.organisations.iter().enumerate() {
        if plans.get(&organisation.plan).is_none() {
            let known = plans.names().collect::<Vec<_>>().join(", ");
            faults.push(Fault::value(format!("organisation[{i}].plan"), &format!("{:?}", organisation.plan), &known));
        }
    }
}

/// Buckets of a name alone, and buckets with settings.
fn buckets(path: &str, organisation: &Organisation, faults: &mut Faults) -> Vec<DeclaredBucket> {
    let plain = bucket_names(&format!("{path}.buckets"), &organisation.buckets, faults);
    let plain = plain.into_iter().map(|name| DeclaredBucket { name, region: None, settings: BucketPatch::default() });
    let mut buckets: Vec<_> = plain.collect();
    for (i, bucket) in organisation.bucket_settings.iter().enumerate() {
        buckets.extend(declared_bucket(&format!("{path}.bucket[{i}]"), bucket, faults));
    }
    buckets
}

fn declared_bucket(path: &str, bucket: &config::Bucket, faults: &mut Faults) -> Option<DeclaredBucket> {
    let name = bucket_name(&format!("{path}.name"), &bucket.name, faults);
    let cache_preset = bucket.cache_preset.as_ref().and_then(|preset| {
        let found = CachePreset::parse(preset);
        if found.is_none() {
            let known: Vec<&str> = CachePreset::ALL.iter().map(|preset| preset.name()).collect();
            faults.push(Fault::value(format!("{path}.cache_preset"), &format!("{preset:?}"), &known.join(", ")));
        }
        found
    });
    let days = |days: u64| u16::try_from(days).unwrap_or(u16::MAX);
    let settings = BucketPatch {
        display_name: bucket.display_name.clone(),
        cache_preset,
        cache_control_override: bucket.cache_control_override.clone().map(Some),
        cors_origins: bucket.cors_origins.clone(),
        lifecycle_ttl_days: bucket.lifecycle_ttl_days.map(|limit| limit.at_most().map(days)),
        max_file_size_bytes: bucket.max_file_size_bytes.map(config::Limit::at_most),
        allowed_mime_types: bucket.allowed_mime_types.clone().map(Some),
        ..BucketPatch::default()
    };
    Some(DeclaredBucket { name: name?, region: bucket.region.clone(), settings })
}

fn bucket_names(path: &str, names: &[String], faults: &mut Faults) -> Vec<BucketName> {
    names.iter().filter_map(|name| bucket_name(path, name, faults)).collect()
}

fn bucket_name(path: &str, name: &str, faults: &mut Faults) -> Option<BucketName> {
    let parsed = BucketName::parse(name).ok();
    if parsed.is_none() {
        faults.push(Fault::value(path, &format!("{name:?}"), "bucket names as S3 has them"));
    }
    parsed
}

fn scopes(path: &str, names: &[String], faults: &mut Faults) -> Scopes {
    let mut scopes = Scopes::of(&[]);
    for name in names {
        match Scope::ALL.iter().find(|scope| scope.name() == name) {
            Some(scope) => scopes = scopes.with(*scope),
            None => {
                let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
                faults.push(Fault::value(path, &format!("{name:?}"), &known.join(", ")));
            }
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use windlass_config::Secret;

    use super::*;

    fn settings(buckets: &[&str], scopes: Option<&[&str]>) -> Settings {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let key = Key { scopes: scopes.map(own), ..Key::default() };
        let organisation =
            Organisation { name: "acme".to_owned(), buckets: own(buckets), keys: vec![key], ..Organisation::default() };
        Settings { organisations: vec![organisation], ..Settings::default() }
    }

    #[test]
    fn a_key_without_scopes_has_all_of_them_and_with_none_has_none() {
        let scopes_of = |settings| plan(&settings).unwrap().organisations[0].keys[0].scopes;
        assert_eq!(scopes_of(settings(&[], None)), Scopes::ALL);
        assert_eq!(scopes_of(settings(&[], Some(&[]))), Scopes::of(&[]));
        assert_eq!(scopes_of(settings(&[], Some(&["files:read"]))), Scopes::of(&[Scope::FilesRead]));
    }

    #[test]
    fn every_wrong_name_is_told() {
        let told = plan(&settings(&["Photos", "ok-name"], Some(&["files:reed"]))).unwrap_err().to_string();
        assert!(told.contains("organisation[0].buckets: \"Photos\" is not accepted"), "{told}");
        assert!(told.contains("organisation[0].key[0].scopes: \"files:reed\" is not accepted"), "{told}");
        assert_eq!(told.lines().count(), 2);
    }

    #[test]
    fn a_stated_plan_changes_what_it_states_and_a_new_one_has_no_limits() {
        let state = |name: &str| config::Plan {
            name: name.to_owned(),
            max_storage_bytes: Some(config::Limit::AtMost(5)),
            max_requests_per_minute: Some(config::Limit::Unlimited),
            ..config::Plan::default()
        };
        let settings = Settings { plans: vec![state("free"), state("lab")], ..Settings::default() };
        let (plans, defaults) = (plans(&settings), Plans::default());
        let free = Plan::clone(defaults.get("free").unwrap());
        let expected = Plan { max_storage_bytes: Some(5), max_requests_per_minute: None, ..free };
        assert_eq!(**plans.get("free").unwrap(), expected);
        let expected = Plan { max_storage_bytes: Some(5), ..Plan::unlimited("lab") };
        assert_eq!(**plans.get("lab").unwrap(), expected);
        assert_eq!(plans.get("pro"), defaults.get("pro"));
    }

    #[test]
    fn an_unknown_plan_is_told_with_its_place() {
        let mut settings = settings(&[], None);
        settings.organisations[0].plan = "gold".to_owned();
        let told = plan(&settings).unwrap_err().to_string();
        let expected = "organisation[0].plan: \"gold\" is not accepted; it takes free, pro, team, enterprise";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_declared_bucket_changes_what_it_states() {
        let mut settings = settings(&["plain"], None);
        let bucket = config::Bucket {
            name: "photos".to_owned(),
            cache_preset: Some("short".to_owned()),
            max_file_size_bytes: Some(config::Limit::Unlimited),
            lifecycle_ttl_days: Some(config::Limit::AtMost(7)),
            ..config::Bucket::default()
        };
        settings.organisations[0].bucket_settings = vec![bucket.clone()];
        let declared = plan(&settings).unwrap().organisations.remove(0).buckets;
        let names: Vec<_> = declared.iter().map(|bucket| bucket.name.as_str()).collect();
        assert_eq!(names, ["plain", "photos"]);
        let expected = BucketPatch {
            cache_preset: Some(CachePreset::Short),
            max_file_size_bytes: Some(None),
            lifecycle_ttl_days: Some(Some(7)),
            ..BucketPatch::default()
        };
        assert_eq!((&declared[0].settings, &declared[1].settings), (&BucketPatch::default(), &expected));
        settings.organisations[0].bucket_settings =
            vec![config::Bucket { cache_preset: Some("brief".to_owned()), ..bucket }];
        let told = plan(&settings).unwrap_err().to_string();
        assert!(told.starts_with("organisation[0].bucket[0].cache_preset: \"brief\" is not accepted"), "{told}");
    }

    #[test]
    fn the_root_key_is_given_by_a_pair() {
        let mut settings = Settings::default();
        assert!(plan(&settings).unwrap().root.is_none());
        settings.root.access_key = Some("ROOT".to_owned());
        settings.root.secret_key = Some(Secret::new("not-so-secret"));
        assert_eq!(plan(&settings).unwrap().root.unwrap().access_key_id, "ROOT");
    }
}
