//! Buckets by their ids: who sees them, what can be set on them, and how many there may be.

use futures::future::join_all;
use windlass_store::ErrorKind;
use windlass_store::bucket::{
    BucketPatch, BucketSettings, BucketState, CachePreset, ListBuckets, NewBucket, OptimizationMode, Visibility,
};
use windlass_store::id::BucketId;
use windlass_store::key::{NewApiKey, Scopes};
use windlass_store::name::BucketName;
use windlass_store::plan::Plan;
use windlass_store::policy::{Action, Principal, Resource};

use crate::home::{Home, NOW, key_of, plan};

#[tokio::test]
async fn a_bucket_has_a_name_for_people_and_one_on_s3() {
    let home = Home::new(plan()).await;
    let may = home.may(Action::CreateBucket);
    let new = |name: &str, s3: Option<&str>| NewBucket {
        display_name: name.to_owned(),
        name: s3.map(|name| BucketName::parse(name).unwrap()),
        region: "eu-west-1".to_owned(),
        settings: BucketSettings { cache_preset: CachePreset::Short, ..BucketSettings::default() },
    };
    let derived = home.store.create_bucket_v1(&may, new("My Photos", None)).await.unwrap();
    let on_s3 = derived.row.name.as_str();
    assert!(on_s3.starts_with("my-photos-") && on_s3.len() == "my-photos-".len() + 6, "{on_s3}");
    let expected = ("My Photos", "eu-west-1", "eu-west-1", BucketState::Active, NOW);
    let row = &derived.row;
    assert_eq!((row.display_name.as_str(), row.region(), row.location.as_str(), row.state, row.updated_ms), expected);

    let named = home.store.create_bucket_v1(&may, new("My Photos", Some("photos"))).await.unwrap();
    assert_eq!(named.row.name.as_str(), "photos");
    let theirs = home.store.authorize(&home.other, Action::CreateBucket, Resource::Service).unwrap();
    for taken in [
        home.store.create_bucket_v1(&may, new("x", Some("photos"))).await,
        home.store.create_bucket_v1(&theirs, new("x", Some("photos"))).await,
    ] {
        let error = taken.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::BucketAlreadyExists, "Bucket name already in use"));
    }
    let over_s3 =
        home.store.create_bucket(&may, BucketName::parse("plain").unwrap(), String::new(), false).await.unwrap();
    assert_eq!((over_s3.row.display_name.as_str(), over_s3.row.region()), ("plain", "us-east-1"));
    assert_eq!(over_s3.row.settings, BucketSettings::default());
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_plan_s_bucket_count_holds_however_many_ask_at_once() {
    let home = Home::new(Plan { max_buckets: Some(5), ..plan() }).await;
    let names: Vec<String> = (0..32).map(|n| format!("bucket-{n}")).collect();
    let made = join_all(names.iter().map(|name| home.bucket_with(name, BucketSettings::default()))).await;
    let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
    assert_eq!(refused.len(), 27);
    for error in refused {
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::QuotaBuckets, "Plan limit reached: maximum 5 bucket(s)")
        );
    }
    let may = home.may(Action::CreateBucket);
    let over_s3 = home.store.create_bucket(&may, BucketName::parse("one-more").unwrap(), String::new(), false).await;
    assert_eq!(over_s3.unwrap_err().kind(), ErrorKind::QuotaBuckets);
    assert_eq!(home.store.org_usage(key_of(&home.acme).org).unwrap().buckets, 5);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn settings_change_by_what_a_patch_names() {
    let home = Home::new(plan()).await;
    let id = home.bucket("photos").await.id;
    let update = home.on(Action::UpdateBucket, id);
    let get = || home.store.get_bucket(&home.on(Action::GetBucket, id)).unwrap().0.row;
    let before = get();
    home.clock.set(NOW + 7);
    home.store.update_bucket(&update, BucketPatch::default()).await.unwrap();
    assert_eq!(get(), before, "a patch of nothing changes nothing");
    let patch = BucketPatch {
        display_name: Some("Holidays".to_owned()),
        cache_preset: Some(CachePreset::NoCache),
        cache_control_override: Some(Some("no-store".to_owned())),
        cors_origins: Some(vec!["https://acme.test".to_owned()]),
        lifecycle_ttl_days: Some(Some(30)),
        max_file_size_bytes: Some(Some(5)),
        allowed_mime_types: Some(Some(vec!["image/*".to_owned()])),
        optimization_mode: Some(OptimizationMode::None),
        visibility: Some(Visibility::Public),
        ..BucketPatch::default()
    };
    home.store.update_bucket(&update, patch).await.unwrap();
    let after = get();
    assert_eq!((after.display_name.as_str(), after.updated_ms, after.created_ms), ("Holidays", NOW + 7, NOW));
    assert_eq!((after.settings.lifecycle_ttl_days, after.settings.visibility), (Some(30), Visibility::Public));
    let back = BucketPatch { lifecycle_ttl_days: Some(None), allowed_mime_types: Some(None), ..BucketPatch::default() };
    home.store.update_bucket(&update, back).await.unwrap();
    assert_eq!((get().settings.lifecycle_ttl_days, get().settings.allowed_mime_types.clone()), (None, None));
    assert_eq!(get().settings.max_file_size_bytes, Some(5));

    let wrong = BucketPatch { cors_origins: Some(vec!["x".to_owned()]), ..BucketPatch::default() };
    let error = home.store.update_bucket(&update, wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, "Invalid origin URL"));
    let error = home.store.retry_bucket(&home.on(Action::RetryBucket, id)).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, "Only failed buckets can be retried"));
}

#[tokio::test]
async fn an_organisation_s_buckets_are_seen_by_its_own_keys_and_those_that_name_them() {
    let home = Home::new(plan()).await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(home.bucket(&format!("bucket-{n}")).await.id);
    }
    ids.sort_unstable();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let list = home.may(Action::ListBuckets);
        let (page, next) = home.store.list_buckets_by_id(&list, after, None, 3).unwrap();
        assert!(page.len() <= 3);
        assert!(next.is_none() || next == page.last().map(|(bucket, _)| bucket.id));
        seen.extend(page.into_iter().map(|(bucket, _)| bucket.id));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);

    let scoped = |buckets: Vec<BucketId>| {
        let new =
            NewApiKey { name: "scoped".to_owned(), scopes: Scopes::ALL, buckets: Some(buckets), expires_ms: None };
        let home = &home;
        async move {
            let (_, made) = home.store.create_key(&home.may(Action::CreateKey), new).await.unwrap();
            Principal::Key(home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap().0)
        }
    };
    let two = scoped(vec![ids[5], ids[1]]).await;
    let none = scoped(vec![]).await;
    let listed = |by: &Principal| {
        let list = home.store.authorize(by, Action::ListBuckets, Resource::Service).unwrap();
        let (page, next) = home.store.list_buckets_by_id(&list, None, None, 100).unwrap();
        assert_eq!(next, None);
        page.into_iter().map(|(bucket, _)| bucket.id).collect::<Vec<_>>()
    };
    assert_eq!((listed(&two), listed(&none), listed(&home.other)), (vec![ids[1], ids[5]], vec![], vec![]));
    for (by, id, sees) in
        [(&two, ids[1], true), (&two, ids[0], false), (&none, ids[1], false), (&home.other, ids[1], false)]
    {
        for action in [Action::GetBucket, Action::UpdateBucket, Action::DeleteBucket, Action::PutObject] {
            match home.grant_on(by, action, id) {
                Ok(_) => assert!(sees),
                Err(error) => assert_eq!((error.kind(), sees), (ErrorKind::NoSuchBucket, false)),
            }
        }
    }
}

#[tokio::test]
async fn the_listing_can_be_by_state_and_s3_does_not_list_what_is_being_deleted() {
    let home = Home::new(plan()).await;
    let (kept, leaving) = (home.bucket("kept").await.id, home.bucket("leaving").await.id);
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, leaving), false).await.unwrap();
    let list = home.may(Action::ListBuckets);
    let by_state = |state| {
        let (page, _) = home.store.list_buckets_by_id(&list, None, state, 10).unwrap();
        page.into_iter().map(|(bucket, _)| bucket.id).collect::<Vec<_>>()
    };
    assert_eq!(by_state(None).len(), 2);
    assert_eq!(by_state(Some(BucketState::Active)), [kept]);
    assert_eq!(by_state(Some(BucketState::Deleting)), [leaving]);
    assert_eq!(by_state(Some(BucketState::Pending)), []);
    let page = home.store.list_buckets(&list, &ListBuckets { prefix: String::new(), after: None, max: 10 }).unwrap();
    let names: Vec<_> = page.buckets.iter().map(|bucket| bucket.row.name.as_str()).collect();
    assert_eq!(names, ["kept"]);
}
