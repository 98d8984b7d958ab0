//! What is declared is there after the start, and declaring it again changes nothing.

use windlass_store::bootstrap::{Bootstrap, DeclaredBucket, DeclaredKey, NewOrganisation};
use windlass_store::bucket::BucketPatch;
use windlass_store::key::{Credentials, Scopes};
use windlass_store::name::BucketName;
use windlass_store::plan::Plan;
use windlass_store::policy::{Action, Resource};
use windlass_store::{Error, ErrorKind};

use crate::home::{Home, declared, key_of, plan, principal};

fn bucket(name: &str, settings: BucketPatch) -> DeclaredBucket {
    DeclaredBucket { name: BucketName::parse(name).unwrap(), region: None, settings }
}

fn days(days: u16) -> BucketPatch {
    BucketPatch { lifecycle_ttl_days: Some(Some(days)), ..BucketPatch::default() }
}

fn acme(buckets: Vec<DeclaredBucket>) -> NewOrganisation {
    NewOrganisation { buckets, ..declared("acme", "test") }
}

async fn apply(home: &Home, organisations: Vec<NewOrganisation>) -> Result<(), Error> {
    home.store.bootstrap(Bootstrap { root: None, organisations }).await.map(drop)
}

#[tokio::test]
async fn buckets_are_made_and_set_up_and_what_is_not_declared_of_them_stays() {
    let home = Home::new(plan()).await;
    let org = key_of(&home.acme).org;
    let photos = DeclaredBucket { region: Some("eu-west-1".to_owned()), ..bucket("photos", days(7)) };
    let plan = vec![NewOrganisation {
        default_bucket: Some(BucketName::parse("photos").unwrap()),
        ..acme(vec![bucket("plain", BucketPatch::default()), photos])
    }];
    apply(&home, plan.clone()).await.unwrap();
    let id = home.store.default_bucket(org).unwrap().unwrap();
    let get = || home.store.get_bucket(&home.on(Action::GetBucket, id)).unwrap().0.row;
    let made = get();
    assert_eq!((made.name.as_str(), made.region(), made.settings.lifecycle_ttl_days), ("photos", "eu-west-1", Some(7)));

    let rename = BucketPatch { display_name: Some("Mine".to_owned()), ..days(9) };
    home.store.update_bucket(&home.on(Action::UpdateBucket, id), rename).await.unwrap();
    apply(&home, plan.clone()).await.unwrap();
    assert_eq!((get().display_name.as_str(), get().settings.lifecycle_ttl_days), ("Mine", Some(7)));
    let rows = home.store.counters().meta.rows_written;
    apply(&home, plan).await.unwrap();
    // The declared keys are sealed anew at every start; nothing else is written.
    assert_eq!(home.store.counters().meta.rows_written - rows, 3, "a key and its two indexes");
    assert_eq!(home.store.org_usage(org).unwrap().buckets, 2);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn an_organisation_moves_to_another_plan_at_once() {
    let home = Home::new(Plan { max_buckets: Some(0), ..plan() }).await;
    let org = key_of(&home.acme).org;
    assert_eq!(home.store.plan_of(org).unwrap().max_buckets, Some(0));
    assert_eq!(home.store.org(org).unwrap().row.plan, "test");
    apply(&home, vec![declared("acme", "pro")]).await.unwrap();
    assert_eq!(
        (home.store.plan_of(org).unwrap().name.as_str(), home.store.org(org).unwrap().row.plan.as_str()),
        ("pro", "pro")
    );
    home.bucket("bucket").await;
    // One that is not declared any more stays as it is.
    apply(&home, vec![]).await.unwrap();
    assert_eq!(home.store.plan_of(org).unwrap().name, "pro");
    let root = home.store.org(key_of(&home.other).org).unwrap();
    assert_eq!(root.row.plan, "enterprise");
}

#[tokio::test]
async fn what_is_wrong_is_told_by_name_and_nothing_of_it_is_done() {
    let home = Home::new(Plan { max_buckets: Some(1), ..plan() }).await;
    home.store
        .create_bucket(
            &home.store.authorize(&home.other, Action::CreateBucket, Resource::Service).unwrap(),
            BucketName::parse("theirs").unwrap(),
            String::new(),
            false,
        )
        .await
        .unwrap();
    let scoped = |name: &str| {
        let credentials =
            Credentials { access_key_id: "SCOPED".into(), secret_access_key: "long-enough".into(), token: None };
        let buckets = Some(vec![BucketName::parse(name).unwrap()]);
        DeclaredKey { name: "scoped".into(), credentials, scopes: Scopes::ALL, buckets, expires_ms: None }
    };
    let unknown_plan = declared("acme", "gold");
    let origin = BucketPatch { cors_origins: Some(vec!["x".to_owned()]), ..BucketPatch::default() };
    let no_default = NewOrganisation { default_bucket: Some(BucketName::parse("absent").unwrap()), ..acme(vec![]) };
    for (organisation, kind, told) in [
        (
            unknown_plan,
            ErrorKind::InvalidArgument,
            "organisation \"acme\": plan \"gold\" is unknown; the plans are free, pro, team, enterprise, test",
        ),
        (acme(vec![bucket("photos", origin)]), ErrorKind::InvalidArgument, "bucket photos: Invalid origin URL"),
        (
            acme(vec![bucket("one", BucketPatch::default()), bucket("two", BucketPatch::default())]),
            ErrorKind::QuotaBuckets,
            "bucket two: Plan limit reached: maximum 1 bucket(s)",
        ),
        (
            no_default,
            ErrorKind::NoSuchBucket,
            "organisation \"acme\": its default bucket absent is not one of its buckets",
        ),
        (
            NewOrganisation { keys: vec![scoped("theirs")], ..acme(vec![]) },
            ErrorKind::NoSuchBucket,
            "key \"scoped\" names bucket theirs, which does not exist",
        ),
    ] {
        let error = apply(&home, vec![organisation]).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, told));
    }
    let taken = apply(&home, vec![acme(vec![bucket("theirs", BucketPatch::default())])]).await.unwrap_err();
    assert!(taken.message().starts_with("bucket theirs: "), "{taken}");
    assert_eq!(home.store.org_usage(key_of(&home.acme).org).unwrap().buckets, 0);
    assert_eq!(principal(&home.store, "ACME"), home.acme);
}

#[tokio::test]
async fn a_plan_that_is_gone_from_the_configuration_stops_the_start() {
    let home = Home::new(plan()).await;
    let Home { options, store, .. } = &home;
    let mut options = options.clone();
    options.plans = Default::default();
    options.data_dir = options.data_dir.with_file_name("copy");
    let backup = windlass_store::backup::BackupOptions {
        to: options.data_dir.with_file_name("backup"),
        force: false,
        hold_ms: 1,
    };
    store.backup(backup.clone()).await.unwrap();
    options.master_key = None;
    windlass_store::backup::restore(&options, &backup.to, false).unwrap();
    std::fs::copy(home.options.data_dir.join("master.key"), options.data_dir.join("master.key")).unwrap();
    let other = windlass_store::Store::open(options).unwrap();
    let error = other.bootstrap(Bootstrap::default()).await.unwrap_err();
    let told = "organisation \"acme\": plan \"test\" is unknown; the plans are free, pro, team, enterprise";
    assert_eq!(error.message(), told);
}

#[tokio::test]
async fn a_declared_bucket_that_is_being_deleted_does_not_stop_the_start() {
    let home = Home::new(plan()).await;
    let org = key_of(&home.acme).org;
    let photos = || BucketName::parse("photos").unwrap();
    let mut organisation = NewOrganisation { default_bucket: Some(photos()), ..acme(vec![bucket("photos", days(7))]) };
    organisation.keys[0].buckets = Some(vec![photos()]);
    apply(&home, vec![organisation.clone()]).await.unwrap();
    let id = home.store.default_bucket(org).unwrap().unwrap();
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, id), false).await.unwrap();
    apply(&home, vec![organisation.clone()]).await.unwrap();
    assert_eq!(key_of(&principal(&home.store, "ACME")).buckets, Some(vec![]));
    assert_eq!(home.store.default_bucket(org).unwrap(), None);
    home.finish_deletions().await;
    apply(&home, vec![organisation]).await.unwrap();
    let anew = home.store.default_bucket(org).unwrap().unwrap();
    assert_ne!(anew, id);
    assert_eq!(key_of(&principal(&home.store, "ACME")).buckets, Some(vec![anew]));
}
