"""boto3: ListObjects and ListObjectsV2."""

import urllib.parse

import pytest

from aws import put, refused

TREE = ["0/a", "0/b", "1/a", "1999", "1999#", "1999+", "2/a/b", "2/c", "top"]


@pytest.fixture(scope="module")
def tree(s3):
    s3.create_bucket(Bucket="listed-tree")
    put(s3, "listed-tree", *TREE)
    return "listed-tree"


def names(page):
    """Keys and common prefixes of one page."""
    keys = [entry["Key"] for entry in page.get("Contents", [])]
    return keys, [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def walk(s3, version, bucket, page_size, **options):
    """Every key and prefix of a listing in the order of pages, and the number of entries of each page."""
    operation = {1: "list_objects", 2: "list_objects_v2"}[version]
    found, sizes = [], []
    for page in s3.get_paginator(operation).paginate(
        Bucket=bucket, PaginationConfig={"PageSize": page_size}, **options
    ):
        keys, prefixes = names(page)
        found += sorted(keys + prefixes, key=str.encode)
        sizes.append(len(keys) + len(prefixes))
        if version == 2:
            assert page["KeyCount"] == sizes[-1]
    return found, sizes


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 1000])
def test_pages_join_to_the_whole(s3, tree, version, page_size):
    found, sizes = walk(s3, version, tree, page_size)
    assert found == TREE
    assert all(size == page_size for size in sizes[:-1]) and 0 < sizes[-1] <= page_size


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 1000])
def test_a_group_appears_once_at_its_place(s3, tree, version, page_size):
    found, sizes = walk(s3, version, tree, page_size, Delimiter="/")
    assert found == ["0/", "1/", "1999", "1999#", "1999+", "2/", "top"]
    assert all(size == page_size for size in sizes[:-1]) and 0 < sizes[-1] <= page_size


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"Prefix": "2/"}, ["2/a/b", "2/c"]),
        ({"Prefix": "2/", "Delimiter": "/"}, ["2/a/", "2/c"]),
        ({"Prefix": "1999"}, ["1999", "1999#", "1999+"]),
        ({"Prefix": "nothing"}, []),
        ({"Prefix": ""}, TREE),
        ({"Delimiter": "absent"}, TREE),
        ({"Delimiter": ""}, TREE),
        ({"Delimiter": "99"}, ["0/a", "0/b", "1/a", "199", "2/a/b", "2/c", "top"]),
    ],
)
def test_prefix_and_delimiter(s3, tree, version, options, expected):
    assert walk(s3, version, tree, 1000, **options)[0] == expected


def test_not_truncated_when_the_rest_falls_into_the_group_just_given(s3, bucket):
    put(s3, bucket, "a", "g/1", "g/2", "g/3")
    for listing in (s3.list_objects, s3.list_objects_v2):
        page = listing(Bucket=bucket, Delimiter="/", MaxKeys=2)
        assert names(page) == (["a"], ["g/"])
        assert page["IsTruncated"] is False
        assert "NextMarker" not in page and "NextContinuationToken" not in page


def test_v1_marker(s3, tree):
    page = s3.list_objects(Bucket=tree, Marker="1999!")
    assert (names(page)[0], page["Marker"]) == (["1999#", "1999+", "2/a/b", "2/c", "top"], "1999!")
    assert names(s3.list_objects(Bucket=tree, Marker="2/c"))[0] == ["top"]
    assert names(s3.list_objects(Bucket=tree, Marker="zzz")) == ([], [])
    assert names(s3.list_objects(Bucket=tree, Marker="0/", Delimiter="/"))[1] == ["1/", "2/"]
    assert s3.list_objects(Bucket=tree, Marker="")["Marker"] == ""


def test_v1_next_marker_only_with_a_delimiter(s3, tree):
    assert "NextMarker" not in s3.list_objects(Bucket=tree, MaxKeys=2)
    page = s3.list_objects(Bucket=tree, MaxKeys=2, Delimiter="/")
    assert (names(page), page["NextMarker"], page["IsTruncated"]) == (([], ["0/", "1/"]), "1/", True)


def test_v1_gives_owners_and_v2_on_request(s3, tree):
    def owners(page):
        return {entry.get("Owner", {}).get("ID") for entry in page["Contents"]}

    [owner] = owners(s3.list_objects(Bucket=tree))
    assert owner
    assert owners(s3.list_objects_v2(Bucket=tree)) == {None}
    assert owners(s3.list_objects_v2(Bucket=tree, FetchOwner=True)) == {owner}


def test_v2_start_after_and_token(s3, tree):
    first = s3.list_objects_v2(Bucket=tree, StartAfter="1/a", MaxKeys=2)
    assert (names(first)[0], first["StartAfter"], first["KeyCount"]) == (["1999", "1999#"], "1/a", 2)
    token = first["NextContinuationToken"]
    second = s3.list_objects_v2(Bucket=tree, StartAfter="1/a", ContinuationToken=token, MaxKeys=2)
    assert (names(second)[0], second["ContinuationToken"]) == (["1999+", "2/a/b"], token)
    assert second["StartAfter"] == "1/a"
    assert names(s3.list_objects_v2(Bucket=tree, StartAfter="1/a", ContinuationToken=token, MaxKeys=2)) == names(second)


def test_v2_empty_token_is_echoed(s3, tree):
    page = s3.list_objects_v2(Bucket=tree, ContinuationToken="")
    assert (names(page)[0], page["ContinuationToken"]) == (TREE, "")


def test_max_keys(s3, tree):
    page = s3.list_objects_v2(Bucket=tree, MaxKeys=0)
    assert (names(page), page["IsTruncated"], page["MaxKeys"]) == (([], []), False, 0)
    assert s3.list_objects_v2(Bucket=tree)["MaxKeys"] == 1000
    assert s3.list_objects(Bucket=tree)["MaxKeys"] == 1000
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=tree, MaxKeys=-1)
    assert names(s3.list_objects_v2(Bucket=tree, MaxKeys=5000))[0] == TREE


@pytest.mark.parametrize("delimiter", [" ", "%", ".", "\n", "+", "ab", "\u65e5"])
def test_any_string_can_be_the_delimiter(s3, bucket, delimiter):
    put(s3, bucket, f"x{delimiter}1", f"x{delimiter}2", "y")
    for version in (1, 2):
        assert walk(s3, version, bucket, 1000, Delimiter=delimiter)[0] == [f"x{delimiter}", "y"]
        assert walk(s3, version, bucket, 1, Delimiter=delimiter) == ([f"x{delimiter}", "y"], [1, 1])


@pytest.mark.parametrize("odd", ["\n", "\x07", "%41", "+", "&<>\"'", "\u00fc", " "])
def test_odd_prefix_and_marker(s3, bucket, odd):
    put(s3, bucket, f"{odd}1", f"{odd}2", "zz")
    page = s3.list_objects(Bucket=bucket, Prefix=odd, Marker=f"{odd}1")
    # boto3 decodes every field of a version 1 listing but its Prefix.
    assert (names(page)[0], page["Marker"]) == ([f"{odd}2"], f"{odd}1")
    assert urllib.parse.unquote(page["Prefix"]) == odd and page["Prefix"].isascii()
    page = s3.list_objects_v2(Bucket=bucket, Prefix=odd, StartAfter=f"{odd}1")
    assert (names(page)[0], page["Prefix"], page["StartAfter"]) == ([f"{odd}2"], odd, f"{odd}1")


def test_order_is_that_of_utf8_bytes(s3, bucket):
    keys = ["A", "a", "\u00e9", "\u65e5", "\uffee", "\U0001f680", "a\x01", "a/", "a0", "~"]
    put(s3, bucket, *keys)
    for version in (1, 2):
        assert walk(s3, version, bucket, 3)[0] == sorted(keys, key=str.encode)


def test_a_group_of_a_thousand_hides_nothing(s3, bucket):
    group = [f"1/{number:04}" for number in range(1005)]
    put(s3, bucket, *group, "1999", "1!", "2")
    for version in (1, 2):
        assert walk(s3, version, bucket, 1000, Delimiter="/")[0] == ["1!", "1/", "1999", "2"]
        assert walk(s3, version, bucket, 1000) == (["1!", *group, "1999", "2"], [1000, 8])


def test_missing_bucket(s3):
    for listing in (s3.list_objects, s3.list_objects_v2):
        with refused("NoSuchBucket", 404):
            listing(Bucket="no-such-bucket-here")
