//! Projects and their files: what time does to them, what they count for, and what a crash leaves.

use windlass_store::blob::Expect;
use windlass_store::id::{BucketId, EventId};
use windlass_store::intent::{Confirmed, File, FileEventKind, FileFilter, FileStatus, NewFile, Requested, Said};
use windlass_store::lifecycle::{Expiration, Filter, Lifecycle, LifecycleRule};
use windlass_store::limit::{FILE_TRACE_MS, TEST_FILE_MS, UPLOAD_GRACE_MS, UPLOAD_IDLE_MS};
use windlass_store::master;
use windlass_store::plan::{Plan, UploadCaps};
use windlass_store::policy::{Action, Principal};
use windlass_store::project::{NewProject, NewProjectKey, NewRoute, Project, ProjectAccess, RoutePatch};
use windlass_store::upload::{PartRef, UploadPart};
use windlass_store::webhook::{Attempt, DeliveryFilter, DeliveryStatus};
use windlass_store::{ErrorKind, Store};

use crate::home::{DAY, Home, NOW, body, key, plan, principal, put_of};

/// For how long links last here.
const TTL: u64 = 3_600_000;
const MIB: usize = 1 << 20;

/// A project with a route that tells of files.
struct App {
    home: Home,
    project: Project,
    live: ProjectAccess,
    test: ProjectAccess,
    /// What signs the project's links.
    signer: Principal,
}

impl App {
    async fn new(plan: Plan) -> Self {
        let home = Home::new(plan).await;
        let may = |action| ProjectAccess::of(home.may(action));
        let new = NewProject { name: "App".to_owned(), region: "us-east-1".to_owned() };
        let project = home.store.create_project(&may(Action::CreateBucket), new).await.unwrap();
        let settings = RoutePatch {
            max_file_size: Some(1 << 40),
            max_file_count: Some(1),
            webhook_url: Some(Some("https://a.test/".to_owned())),
            ..RoutePatch::default()
        };
        let route = NewRoute { slug: "files".to_owned(), settings };
        home.store.create_route(&may(Action::UpdateBucket), project.id, route).await.unwrap();
        let [live, test] =
            [false, true].map(|is_test| NewProjectKey { project: project.id, name: String::new(), is_test });
        let (_, live) = home.store.create_project_key(&may(Action::UpdateBucket), live).await.unwrap();
        let (_, test) = home.store.create_project_key(&may(Action::UpdateBucket), test).await.unwrap();
        let access = |presented: &str| home.store.project_key(presented).unwrap().unwrap();
        let (live, test) = (access(&live), access(&test));
        let requested = home.store.request_file(&live, new_file(5)).await.unwrap();
        let signer = principal(&home.store, &requested.signer.access_key_id);
        home.store.delete_file(&live, requested.file.row.key).await.unwrap();
        Self { home, project, live, test, signer }
    }

    async fn request(&self, by: &ProjectAccess, size: usize) -> Requested {
        self.home.store.request_file(by, new_file(size)).await.unwrap()
    }

    /// Uploads what was announced, as its link does.
    async fn put(&self, file: &File) {
        self.put_as(&self.signer, file, file.row.size as usize, "text/plain").await.unwrap();
    }

    async fn put_as(&self, by: &Principal, file: &File, size: usize, kind: &str) -> Result<(), ErrorKind> {
        let grant = self.home.grant_on(by, Action::PutObject, file.row.bucket).unwrap();
        let put = put_of(&file.row.key, Some(size as u64), kind);
        self.home.store.put_object(&grant, put, body(size)).await.map(drop).map_err(|error| error.kind())
    }

    async fn confirm(&self, by: &ProjectAccess, file: &File) -> Confirmed {
        self.home.store.confirm_file(by, file.id, Vec::new()).await.unwrap()
    }

    async fn upload(&self, by: &ProjectAccess, size: usize) -> File {
        let requested = self.request(by, size).await;
        self.put(&requested.file).await;
        match self.confirm(by, &requested.file).await {
            Confirmed::Yes(file) => *file,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, by: &ProjectAccess, file: &File) -> Option<FileStatus> {
        self.home.store.get_file(by, &file.row.key).ok().map(|file| file.row.status)
    }

    /// Sweeps all that is due at a time: how many were confirmed, failed and removed.
    async fn sweep(&self, at: u64) -> (u64, u64, u64) {
        self.home.clock.set(at);
        let mut sum = (0, 0, 0);
        loop {
            let swept = self.home.store.sweep_files_step().await.unwrap();
            sum = (sum.0 + swept.confirmed, sum.1 + swept.failed, sum.2 + swept.removed);
            if !swept.more {
                return sum;
            }
        }
    }

    fn holds(&self, bucket: BucketId) -> (u64, u64) {
        let usage = self.home.store.usage_of(bucket).unwrap();
        (usage.objects + usage.uploads + usage.parts, usage.stored_bytes())
    }
}

fn new_file(size: usize) -> NewFile {
    NewFile {
        name: "notes.txt".to_owned(),
        size: size as u64,
        content_type: "text/plain".to_owned(),
        route_slug: "files".to_owned(),
        said: Said::new(),
        base: "http://gateway.test".to_owned(),
        links_last_ms: TTL,
    }
}

#[tokio::test]
async fn a_file_that_never_comes_fails_an_hour_after_its_link_and_leaves_no_trace_in_time() {
    let app = App::new(plan()).await;
    let file = app.request(&app.live, 5).await.file;
    let due = NOW + TTL + UPLOAD_GRACE_MS;
    assert_eq!(app.sweep(due - 1).await, (0, 0, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Uploading));
    assert_eq!(app.sweep(due).await, (0, 1, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Failed));
    // The file that was deleted when the app was made goes first.
    assert_eq!(app.sweep(due + FILE_TRACE_MS).await, (0, 0, 2));
    assert_eq!(app.status(&app.live, &file), None);
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn a_file_that_came_is_confirmed_although_nobody_asks() {
    let app = App::new(plan()).await;
    let file = app.request(&app.live, 5).await.file;
    app.put(&file).await;
    assert_eq!(app.sweep(NOW + TTL + UPLOAD_GRACE_MS).await, (1, 0, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Uploaded));
    let usage = app.home.store.upload_usage(&app.live).unwrap();
    assert_eq!((usage[0].uploads, usage[0].storage_bytes), (1, 5));
    let due = app.home.store.due_deliveries(10, |_| false).unwrap();
    assert_eq!(due.iter().map(|due| due.row.file).collect::<Vec<_>>(), [file.id]);
    assert_eq!(app.sweep(NOW + FILE_TRACE_MS).await.0, 0);
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Uploaded), "it stays");
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn a_link_writes_only_what_was_announced_and_only_until_it_is_confirmed() {
    let app = App::new(plan()).await;
    let file = app.request(&app.live, 5).await.file;
    for (size, kind) in [(4, "text/plain"), (6, "text/plain"), (5, "text/html")] {
        assert_eq!(app.put_as(&app.signer, &file, size, kind).await, Err(ErrorKind::AccessDenied), "{size} {kind}");
    }
    let mut elsewhere = file.clone();
    elsewhere.row.key = "elsewhere".to_owned();
    assert_eq!(app.put_as(&app.signer, &elsewhere, 5, "text/plain").await, Err(ErrorKind::AccessDenied));
    app.put(&file).await;
    assert!(matches!(app.confirm(&app.live, &file).await, Confirmed::Yes(_)));
    assert_eq!(app.put_as(&app.signer, &file, 5, "text/plain").await, Err(ErrorKind::AccessDenied));
    // Who owns the bucket may, and the file is as long as that.
    assert_eq!(app.put_as(&app.home.acme, &file, 7, "text/plain").await, Ok(()));
    assert_eq!(app.home.store.get_file(&app.live, &file.row.key).unwrap().row.size, 7);
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn what_is_not_what_was_announced_is_freed() {
    let app = App::new(plan()).await;
    let file = app.request(&app.live, 5).await.file;
    assert_eq!(app.put_as(&app.home.acme, &file, 9, "text/plain").await, Ok(()));
    assert_eq!(app.sweep(NOW + TTL + UPLOAD_GRACE_MS).await, (0, 1, 0));
    assert_eq!(app.holds(app.project.row.live), (0, 0));
    assert_eq!((app.home.stored(), app.home.check()), (0, vec![]));
}

/// Uploads all parts of a file but so many at its end, half a day apart.
async fn in_parts(app: &App, size: usize, missing: u16) -> (File, Vec<PartRef>) {
    let file = app.home.store.request_file_in_parts(&app.live, new_file(size)).await.unwrap().file;
    let cut = file.cut().unwrap();
    let mut parts = Vec::new();
    for number in 1..=cut.count - missing {
        let grant = app.home.grant_on(&app.signer, Action::PutObject, file.row.bucket).unwrap();
        let part = UploadPart { key: key(&file.row.key), upload: cut.upload, number, expect: Expect::default() };
        let size = usize::try_from(cut.bytes_of(number).unwrap()).unwrap();
        let stored = app.home.store.upload_part(&grant, part, body(size)).await.unwrap();
        parts.push(PartRef { number, etag: stored.etag.to_string(), checksum: None });
        app.home.clock.set(app.home.store.now() + DAY / 2);
    }
    (file, parts)
}

#[tokio::test]
async fn an_upload_in_parts_is_given_up_when_it_has_rested_for_a_day() {
    let app = App::new(plan()).await;
    let (file, _) = in_parts(&app, 11 * MIB, 1).await;
    // Two of its three parts came, at once and after half a day.
    let last = NOW + DAY / 2;
    assert_eq!(app.sweep(last + UPLOAD_IDLE_MS - 1).await, (0, 0, 0));
    assert_eq!(app.holds(app.project.row.live), (3, 10 * MIB as u64));
    assert_eq!(app.sweep(last + UPLOAD_IDLE_MS).await, (0, 1, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Failed));
    assert_eq!(app.holds(app.project.row.live), (0, 0));
    while app.home.store.sweep_step().await.unwrap().more {}
    assert_eq!((app.home.stored(), app.home.check()), (0, vec![]));
}

#[tokio::test]
async fn an_upload_in_parts_that_lacks_only_its_confirmation_is_confirmed_when_it_has_rested_for_a_day() {
    let app = App::new(plan()).await;
    let (file, _) = in_parts(&app, 11 * MIB, 0).await;
    let last = NOW + DAY;
    assert_eq!(app.sweep(last + UPLOAD_IDLE_MS - 1).await, (0, 0, 0), "parts might be replaced yet");
    assert_eq!(app.sweep(last + UPLOAD_IDLE_MS).await, (1, 0, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Uploaded));
    assert_eq!((app.holds(app.project.row.live), app.home.stored()), ((1, 11 * MIB as u64), 11 * MIB as u64));
    assert_eq!(app.home.store.due_deliveries(10, |_| false).unwrap().len(), 1);
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn parts_of_another_length_than_was_cut_are_not_completed_by_themselves() {
    let app = App::new(plan()).await;
    let (file, _) = in_parts(&app, 11 * MIB, 1).await;
    // Whoever owns the bucket may send what they like.
    let grant = app.home.grant_on(&app.home.acme, Action::PutObject, file.row.bucket).unwrap();
    let upload = file.cut().unwrap().upload;
    let part = UploadPart { key: key(&file.row.key), upload, number: 3, expect: Expect::default() };
    app.home.store.upload_part(&grant, part, body(MIB + 1)).await.unwrap();
    assert_eq!(app.sweep(app.home.store.now() + UPLOAD_IDLE_MS).await, (0, 1, 0));
    assert_eq!(app.status(&app.live, &file), Some(FileStatus::Failed));
    assert_eq!((app.holds(app.project.row.live), app.home.check()), ((0, 0), vec![]));
}

#[tokio::test]
async fn an_upload_in_parts_is_completed_and_confirmed_by_one_commit() {
    let app = App::new(plan()).await;
    let (file, parts) = in_parts(&app, 11 * MIB, 0).await;
    let upload = file.cut().unwrap().upload;
    let commits = app.home.store.counters().meta.commits;
    let confirmed = app.home.store.confirm_parts(&app.live, (file.id, upload), parts, Vec::new()).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Yes(_)));
    assert_eq!(app.home.store.counters().meta.commits - commits, 1);
    assert_eq!((app.holds(app.project.row.live), app.home.stored()), ((1, 11 * MIB as u64), 11 * MIB as u64));
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn what_test_keys_upload_counts_for_nothing_and_goes_after_a_day() {
    let app = App::new(Plan { max_storage_bytes: Some(10), max_buckets: Some(1), ..plan() }).await;
    let mut files = Vec::new();
    for _ in 0..3 {
        files.push(app.upload(&app.test, 9).await);
    }
    files.push(app.request(&app.test, 9).await.file);
    let kept = app.upload(&app.live, 10).await;
    assert_eq!((app.home.stored(), app.holds(app.project.row.test)), (10, (3, 27)));
    assert_eq!(app.home.store.upload_usage(&app.live).unwrap()[0].uploads, 1);
    assert_eq!(app.sweep(NOW + TTL + UPLOAD_GRACE_MS).await, (0, 1, 0), "one never came");
    assert_eq!(app.sweep(NOW + TEST_FILE_MS - 1).await, (0, 0, 0));
    assert_eq!(app.sweep(NOW + TEST_FILE_MS).await, (0, 0, 4));
    assert_eq!(app.holds(app.project.row.test), (0, 0));
    let page = app.home.store.list_files(&app.test, &FileFilter::default(), None, 10).unwrap();
    assert!(page.files.is_empty());
    assert_eq!(app.status(&app.live, &kept), Some(FileStatus::Uploaded));
    assert_eq!((app.home.stored(), app.home.check()), (10, vec![]));
}

#[tokio::test]
async fn a_plan_that_does_not_pay_ends_with_its_uploads_and_another_goes_on() {
    for (paid, refused) in [(false, true), (true, false)] {
        let uploads = UploadCaps { uploads_per_month: Some(1), ..UploadCaps::default() };
        let app = App::new(Plan { paid, uploads, ..plan() }).await;
        app.upload(&app.live, 5).await;
        let next = app.home.store.request_file(&app.live, new_file(5)).await;
        assert_eq!(next.map(drop).map_err(|error| error.kind()).err(), refused.then_some(ErrorKind::TierLimit));
        app.request(&app.test, 5).await;
        app.home.clock.set(NOW + 31 * DAY);
        app.request(&app.live, 5).await;
    }
}

#[tokio::test]
async fn files_that_were_announced_side_by_side_cannot_pass_the_month_s_limit_together() {
    let uploads = UploadCaps { uploads_per_month: Some(1), ..UploadCaps::default() };
    let app = App::new(Plan { paid: false, uploads, ..plan() }).await;
    let (first, second) = (app.request(&app.live, 5).await.file, app.request(&app.live, 5).await.file);
    app.put(&first).await;
    app.put(&second).await;
    assert!(matches!(app.confirm(&app.live, &first).await, Confirmed::Yes(_)));
    let refused = app.home.store.confirm_file(&app.live, second.id, Vec::new()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TierLimit);
    assert_eq!(app.status(&app.live, &second), Some(FileStatus::Uploading));
    assert_eq!(app.sweep(NOW + TTL + UPLOAD_GRACE_MS).await, (0, 1, 0));
    assert_eq!(app.status(&app.live, &second), Some(FileStatus::Failed));
    assert_eq!(app.home.store.upload_usage(&app.live).unwrap()[0].uploads, 1);
    assert_eq!((app.home.stored(), app.home.check()), (5, vec![]));
}

#[tokio::test]
async fn a_plan_that_does_not_pay_ends_with_what_it_has_sent() {
    for (paid, refused) in [(false, true), (true, false)] {
        let app = App::new(Plan { paid, max_bandwidth_bytes_per_month: Some(10), ..plan() }).await;
        app.home.store.count_bandwidth(app.project.row.live, app.live.org(), 9);
        app.request(&app.live, 5).await;
        app.home.store.count_bandwidth(app.project.row.live, app.live.org(), 1);
        let next = app.home.store.request_file(&app.live, new_file(5)).await;
        assert_eq!(next.map(drop).map_err(|error| error.kind()).err(), refused.then_some(ErrorKind::TierLimit));
        app.request(&app.test, 5).await;
        app.home.clock.set(NOW + 31 * DAY);
        app.request(&app.live, 5).await;
    }
}

/// Its bytes count towards no quota, so nothing may stay there that does not go in time.
#[tokio::test]
async fn into_the_bucket_for_tests_leads_no_way_but_links() {
    let app = App::new(plan()).await;
    let file = app.upload(&app.test, 5).await;
    for action in [Action::PutObject, Action::PutBucketVersioning, Action::PutObjectLock] {
        let refused = app.home.grant_on(&app.home.acme, action, app.project.row.test).map(drop);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::AccessDenied, "{action:?}");
        app.home.grant_on(&app.home.acme, action, app.project.row.live).unwrap();
    }
    for action in [Action::ListObjects, Action::GetObject, Action::DeleteObject, Action::PutLifecycle] {
        app.home.grant_on(&app.home.acme, action, file.row.bucket).unwrap();
    }
}

#[tokio::test]
async fn a_file_goes_with_its_object_whoever_removes_that() {
    let app = App::new(plan()).await;
    let file = app.upload(&app.live, 5).await;
    let rule = LifecycleRule {
        id: "r".to_owned(),
        enabled: true,
        filter: Filter::default(),
        expiration: Some(Expiration::Days(1)),
        noncurrent: None,
        abort_days: None,
    };
    let grant = app.home.on(Action::PutLifecycle, app.project.row.live);
    app.home.store.put_document(&grant, Lifecycle { rules: vec![rule] }).await.unwrap();
    app.home.clock.set(NOW + 3 * DAY);
    let mut cursor = None;
    loop {
        cursor = app.home.store.lifecycle_step(cursor, DAY).await.unwrap().next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(app.status(&app.live, &file), None);
    let (events, _) = app.home.store.file_events(&app.live, EventId([0; 16]), 10).unwrap();
    let of_it: Vec<_> = events.iter().filter(|event| event.row.file == file.id).map(|event| event.row.kind).collect();
    assert_eq!(of_it, [FileEventKind::Uploaded, FileEventKind::Deleted]);
    assert_eq!((app.home.stored(), app.home.check()), (0, vec![]));
}

#[tokio::test]
async fn with_a_project_goes_everything_of_it() {
    let app = App::new(plan()).await;
    for by in [&app.live, &app.test] {
        app.upload(by, 5).await;
        app.request(by, 5).await;
    }
    in_parts(&app, 11 * MIB, 0).await;
    let delete = ProjectAccess::of(app.home.may(Action::DeleteBucket));
    app.home.store.delete_project(&delete, app.project.id).await.unwrap();
    assert!(app.home.store.due_deliveries(10, |_| false).unwrap().is_empty());
    app.home.finish_deletions().await;
    assert_eq!(app.home.stored(), 0);
    let list = ProjectAccess::of(app.home.may(Action::ListBuckets));
    assert_eq!(app.home.store.list_projects(&list, None, 10).unwrap().0, []);
    assert_eq!(app.home.store.org_usage(list.org()).unwrap().buckets, 0);
    while app.home.store.sweep_step().await.unwrap().more {}
    assert_eq!(app.home.check(), []);
}

#[tokio::test]
async fn what_was_confirmed_is_still_to_be_told_after_a_crash_and_under_the_same_id() {
    let mut app = App::new(plan()).await;
    let file = app.upload(&app.live, 5).await;
    let before = app.home.store.due_deliveries(10, |_| false).unwrap().remove(0);
    app.home.crash();
    let after = app.home.store.due_deliveries(10, |_| false).unwrap().remove(0);
    assert_eq!((before.id, &before.row), (after.id, &after.row));
    // Told, and the process ends before that is noted.
    app.home.crash();
    let again = app.home.store.due_deliveries(10, |_| false).unwrap().remove(0);
    assert_eq!(again.id, before.id);
    app.home.store.settle_deliveries(vec![(again.id, Attempt::Took(204))]).await.unwrap();
    app.home.crash();
    assert!(app.home.store.due_deliveries(10, |_| false).unwrap().is_empty());
    let told = app.home.store.get_delivery(&app.live, before.id).unwrap().row;
    assert_eq!((told.status, told.answered, told.file), (DeliveryStatus::Delivered, Some(204), file.id));
    app.home.clock.set(NOW + FILE_TRACE_MS);
    assert_eq!(app.home.store.sweep_deliveries_step().await.unwrap(), 1);
    assert!(
        app.home.store.list_deliveries(&app.live, DeliveryFilter::default(), None, 10).unwrap().deliveries.is_empty()
    );
}

#[tokio::test]
async fn a_delivery_waits_as_it_is_told_and_is_dead_when_there_is_no_again() {
    let app = App::new(plan()).await;
    app.upload(&app.live, 5).await;
    let id = app.home.store.due_deliveries(10, |_| false).unwrap().remove(0).id;
    let settle = async |attempt| app.home.store.settle_deliveries(vec![(id, attempt)]).await.unwrap();
    assert!(app.home.store.due_deliveries(10, |other| other == id).unwrap().is_empty(), "it is in hand");
    settle(Attempt::Later(NOW + 5)).await;
    assert!(app.home.store.due_deliveries(10, |_| false).unwrap().is_empty());
    assert!(app.home.store.due_delivery(id).unwrap().is_none());
    settle(Attempt::Later(NOW + 4)).await;
    app.home.clock.set(NOW + 4);
    assert!(app.home.store.due_delivery(id).unwrap().is_none(), "what was decided before stands");
    app.home.clock.set(NOW + 5);
    assert_eq!(app.home.store.due_delivery(id).unwrap().unwrap().delivery.id, id);
    assert_eq!(app.home.store.due_deliveries(10, |_| false).unwrap()[0].row.attempts, 0);
    settle(Attempt::Failed(Some(500), "é".repeat(1_000), Some(NOW + 9))).await;
    let row = app.home.store.get_delivery(&app.live, id).unwrap().row;
    assert_eq!((row.status, row.attempts, row.due_ms), (DeliveryStatus::Pending, 1, NOW + 9));
    assert!(row.why.unwrap().len() <= 1_024);
    app.home.clock.set(NOW + 9);
    settle(Attempt::Failed(None, "no".to_owned(), None)).await;
    let row = app.home.store.get_delivery(&app.live, id).unwrap().row;
    assert_eq!((row.status, row.attempts, row.answered), (DeliveryStatus::Dead, 2, None));
    assert!(app.home.store.due_deliveries(10, |_| false).unwrap().is_empty());
    let again = app.home.store.redeliver(&app.live, id).await.unwrap().row;
    assert_eq!((again.status, again.attempts), (DeliveryStatus::Pending, 0));
    assert_eq!(app.home.store.due_deliveries(10, |_| false).unwrap().len(), 1);
}

#[tokio::test]
async fn secrets_of_projects_outlive_the_master_key() {
    let mut app = App::new(plan()).await;
    let change = |home: &Home| ProjectAccess::of(home.may(Action::UpdateBucket));
    let before = app.home.store.webhook_secrets(&change(&app.home), app.project.id).unwrap();
    let (_folder, options) = app.home.copy();
    master::rotate(&options, None).unwrap();
    app.home.store = Store::open(options).unwrap();
    assert_eq!(app.home.store.webhook_secrets(&change(&app.home), app.project.id).unwrap(), before);
}
