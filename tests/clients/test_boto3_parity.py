"""boto3: versions, locks, tags, policies, CORS, lifecycle, access lists, anonymous readers, and a second organisation."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from aws import absent, body, boto3_client, put, refused

OTHER = ("OTHERACCESSKEY000001", "other-secret-0123456789abcdefghijklmnop")


@pytest.fixture(scope="module")
def gateway_settings():
    return {
        "WINDLASS_ORGANISATION_0_NAME": "other",
        "WINDLASS_ORGANISATION_0_PLAN": "enterprise",
        "WINDLASS_ORGANISATION_0_KEY_0_NAME": "all",
        "WINDLASS_ORGANISATION_0_KEY_0_ACCESS_KEY_ID": OTHER[0],
        "WINDLASS_ORGANISATION_0_KEY_0_SECRET_ACCESS_KEY": OTHER[1],
    }


@pytest.fixture(scope="module")
def other(gateway):
    return boto3_client(gateway.endpoint, *OTHER)


@pytest.fixture(scope="module")
def nobody(gateway):
    return boto3_client(gateway.endpoint, config=Config(signature_version=UNSIGNED))


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def locked(s3, bucket_name):
    s3.create_bucket(Bucket=bucket_name, ObjectLockEnabledForBucket=True)
    return bucket_name


def allow(principal, actions, bucket, resource="/*", **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": f"arn:aws:s3:::{bucket}{resource}"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


def test_versions_come_and_go(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    assert body(s3, versioned, "k", VersionId=first) == b"1"
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    absent(s3, versioned, "k")
    listed = s3.list_object_versions(Bucket=versioned)
    assert [entry["VersionId"] for entry in listed["Versions"]] == [second, first]
    assert [entry["IsLatest"] for entry in listed["DeleteMarkers"]] == [True]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert body(s3, versioned, "k") == b"2"
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    assert body(s3, versioned, "k") == b"1"


def test_all_pages_of_versions_are_read(s3, versioned):
    made = {s3.put_object(Bucket=versioned, Key=f"k{number % 3}", Body=b"x")["VersionId"] for number in range(11)}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 2})
    assert sorted(entry["VersionId"] for page in pages for entry in page.get("Versions", [])) == sorted(made)


def test_a_bucket_is_emptied_version_by_version(gateway, versioned):
    import boto3

    from gateway import ACCESS_KEY, REGION, SECRET_KEY

    resource = boto3.resource(
        "s3", endpoint_url=gateway.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
    )
    bucket = resource.Bucket(versioned)
    for number in range(5):
        bucket.put_object(Key=f"k{number % 2}", Body=b"x")
    bucket.Object("k0").delete()
    bucket.object_versions.delete()
    bucket.delete()


@pytest.mark.own_bucket("a bucket with object lock has to be made as one, upstream")
def test_a_retention_and_a_hold_keep_a_version(s3, locked):
    until = datetime.now(timezone.utc) + timedelta(days=1)
    kept = s3.put_object(
        Bucket=locked, Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    shown = s3.get_object_retention(Bucket=locked, Key="k")["Retention"]["RetainUntilDate"]
    assert abs(shown - until) < timedelta(seconds=2)
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="k", VersionId=kept)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="k", VersionId=kept, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": kept}]})
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    s3.delete_object(Bucket=locked, Key="k", VersionId=kept, BypassGovernanceRetention=True)


@pytest.mark.own_bucket("a bucket with object lock has to be made as one, upstream")
def test_a_default_retention_is_taken_over(s3, locked):
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]["Rule"] == rule
    put(s3, locked, "k")
    assert s3.get_object_retention(Bucket=locked, Key="k")["Retention"]["Mode"] == "COMPLIANCE"


def test_tags_of_objects_and_buckets(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=1&b=x%20y")
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags


def test_a_policy_lets_anonymous_readers_in(s3, nobody, bucket):
    put(s3, bucket, "public/k", "private/k")
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=bucket, Key="public/k")
    s3.put_bucket_policy(Bucket=bucket, Policy=allow("*", "s3:GetObject", bucket, "/public/*"))
    assert body(nobody, bucket, "public/k") == b"x"
    for refusal in (lambda: nobody.get_object(Bucket=bucket, Key="private/k"), lambda: nobody.list_objects_v2(Bucket=bucket)):
        with refused("AccessDenied", 403):
            refusal()
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    everything = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=everything)
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=bucket, Key="public/k")
    s3.delete_public_access_block(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)


def test_another_organisation_comes_in_by_policy_alone(s3, other, bucket):
    put(s3, bucket, "k")
    owner = other.list_buckets()["Owner"]["ID"]
    assert bucket not in [entry["Name"] for entry in other.list_buckets()["Buckets"]]
    with refused("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="k")
    with refused("BucketAlreadyExists", 409):
        other.create_bucket(Bucket=bucket)
    principal = {"AWS": f"arn:aws:iam::{owner}:root"}
    s3.put_bucket_policy(Bucket=bucket, Policy=allow(principal, ["s3:GetObject", "s3:PutObject"], bucket))
    assert body(other, bucket, "k") == b"x"
    put(other, bucket, "theirs", data=b"t")
    assert body(s3, bucket, "theirs") == b"t"
    with refused("AccessDenied", 403):
        other.delete_object(Bucket=bucket, Key="k")


def test_a_deny_wins_for_the_owner_too(s3, bucket):
    put(s3, bucket, "k")
    deny = json.loads(allow("*", "s3:GetObject", bucket))
    deny["Statement"][0]["Effect"] = "Deny"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(deny))
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="k")
    s3.delete_bucket_policy(Bucket=bucket)
    assert body(s3, bucket, "k") == b"x"


@pytest.mark.own_bucket("lists of a linked bucket are the upstream's")
def test_canned_lists_where_they_are_supported(s3, nobody, bucket):
    with refused("AccessControlListNotSupported", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL", "READ"]
    assert body(nobody, bucket, "k") == b"x"
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=bucket, Key="k")


def test_cors_lets_a_page_in(s3, gateway, bucket):
    rules = [{"AllowedOrigins": ["https://*.example.test"], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 60}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    ask = {"Origin": "https://app.example.test", "Access-Control-Request-Method": "PUT"}
    request = urllib.request.Request(f"{gateway.endpoint}/{bucket}/k", method="OPTIONS", headers=ask)
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.test"
    request = urllib.request.Request(
        f"{gateway.endpoint}/{bucket}/k", method="OPTIONS", headers={**ask, "Origin": "https://other.test"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 403


def test_a_lifecycle_round_trips_and_is_told(s3, bucket):
    rules = [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "t", "Value": "1"}]}},
            "Expiration": {"Days": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
        {"ID": "new", "Status": "Disabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    ]
    # A rule by tags cannot abort uploads.
    with refused("InvalidRequest", 400):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    del rules[0]["AbortIncompleteMultipartUpload"]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    answer = s3.put_object(Bucket=bucket, Key="logs/k", Body=b"x", Tagging="t=1")
    assert 'rule-id="old"' in answer["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_what_was_never_set_up_reads_as_on_an_empty_bucket(s3, bucket):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    with refused("ReplicationConfigurationNotFoundError", 404):
        s3.get_bucket_replication(Bucket=bucket)
    with refused("NoSuchWebsiteConfiguration", 404):
        s3.get_bucket_website(Bucket=bucket)
