// The AWS SDK for JavaScript v3, configured by AWS_* variables alone.
// CLIENTS_NODE is the folder of installed packages, SEED the seed of the random data, HOSTED_PORT the gateway's port.

import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import test from 'node:test'

const require = createRequire(`${process.env.CLIENTS_NODE}/`)
const S3 = require('@aws-sdk/client-s3')
const { Upload } = require('@aws-sdk/lib-storage')
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner')

const MIB = 1024 * 1024
const s3 = new S3.S3({})
const ODD_KEYS = [
  'plain.txt', '/leading', '//leading', 'folder/', 'a//b', 'a/./b', 'a/../b', '../up', 'a+b c+d', '100%',
  'a%2Fb%20c%25', 'a&b=c;d', 'what?versionId=1', 'a#b', '<>"\'[]{}|\\^`', "!*'()$,:@~-_.", 'line\nbreak', 'tab\tend',
  'gr\u00fc\u00dfe/\u00e9', 'gru\u0308\u00dfe', '\u65e5\u672c\u8a9e/\u6f22\u5b57', '\u{1f680}', ' both ends ',
  'k'.repeat(1024),
]

let buckets = 0
async function bucket() {
  const Bucket = `js-suite-${++buckets}`
  await s3.createBucket({ Bucket })
  return Bucket
}

// The same bytes for the same seed and name, of any size.
function seeded(name, size) {
  const key = crypto.createHash('sha256').update(`${process.env.SEED}/${name}`).digest()
  return crypto.createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

const digest = (algorithm, data, encoding = 'hex') => crypto.createHash(algorithm).update(data).digest(encoding)
const put = (Bucket, Key, Body = 'x', more = {}) => s3.putObject({ Bucket, Key, Body, ...more })
const bytes = async (Bucket, Key, more = {}) => {
  const answer = await s3.getObject({ Bucket, Key, ...more })
  return Buffer.from(await answer.Body.transformToByteArray())
}
const refused = (call, name, status) =>
  assert.rejects(call, (error) => {
    assert.equal(error.name, name)
    assert.equal(error.$metadata.httpStatusCode, status)
    return true
  })

test('a bucket from creation to deletion', async () => {
  const Bucket = await bucket()
  const { Buckets } = await s3.listBuckets({})
  assert.ok(Buckets.some((entry) => entry.Name === Bucket && entry.CreationDate instanceof Date))
  await s3.headBucket({ Bucket })
  await put(Bucket, 'key')
  await refused(s3.deleteBucket({ Bucket }), 'BucketNotEmpty', 409)
  await s3.deleteObject({ Bucket, Key: 'key' })
  await s3.deleteBucket({ Bucket })
  await refused(s3.headBucket({ Bucket }), 'NotFound', 404)
})

for (const Key of ODD_KEYS) {
  test(`odd key ${JSON.stringify(Key.slice(0, 20))} round trip`, async () => {
    const Bucket = await bucket()
    const data = seeded(Key, 1000)
    assert.equal((await put(Bucket, Key, data)).ETag, `"${digest('md5', data)}"`)
    assert.deepEqual(await bytes(Bucket, Key), data)
    const { Contents } = await s3.listObjectsV2({ Bucket, EncodingType: 'url' })
    assert.deepEqual(Contents.map((entry) => decodeURIComponent(entry.Key)), [Key])
    await s3.copyObject({ Bucket, Key: 'copy', CopySource: encodeURIComponent(`${Bucket}/${Key}`) })
    assert.deepEqual(await bytes(Bucket, 'copy'), data)
    const { Deleted } = await s3.deleteObjects({ Bucket, Delete: { Objects: [{ Key }, { Key: 'copy' }] } })
    assert.deepEqual(Deleted.map((entry) => entry.Key).sort(), [Key, 'copy'].sort())
    assert.equal((await s3.listObjectsV2({ Bucket })).KeyCount, 0)
  })
}

test('bodies of every kind and size are exact', async () => {
  const Bucket = await bucket()
  for (const size of [0, 1, 65536, 3 * MIB + 7]) {
    const data = seeded(`size ${size}`, size)
    const bodies = { buffer: data, uint8: new Uint8Array(data), stream: Readable.from([data]) }
    for (const [kind, body] of Object.entries(bodies)) {
      await put(Bucket, kind, body, { ContentLength: size })
      assert.equal(digest('sha256', await bytes(Bucket, kind)), digest('sha256', data), `${kind} of ${size}`)
      assert.equal((await s3.headObject({ Bucket, Key: kind })).ContentEncoding, undefined)
    }
  }
})

test('checksums of every algorithm, as header and as trailer', async () => {
  const Bucket = await bucket()
  const expected = {
    CRC32: 'y/Q5Jg==', CRC32C: '4waSgw==', CRC64NVME: 'rosUhgp5mIg=',
    SHA1: digest('sha1', '123456789', 'base64'), SHA256: digest('sha256', '123456789', 'base64'),
  }
  for (const [ChecksumAlgorithm, sum] of Object.entries(expected)) {
    for (const Body of ['123456789', Readable.from(['12345', '6789'])]) {
      await put(Bucket, 'key', Body, { ContentLength: 9, ChecksumAlgorithm })
      const head = await s3.headObject({ Bucket, Key: 'key', ChecksumMode: 'ENABLED' })
      assert.equal(head[`Checksum${ChecksumAlgorithm}`], sum)
      assert.equal(head.ChecksumType, 'FULL_OBJECT')
    }
    const wrong = { [`Checksum${ChecksumAlgorithm}`]: sum.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }
    await refused(put(Bucket, 'wrong', '123456789', wrong), 'BadDigest', 400)
  }
  await refused(s3.headObject({ Bucket, Key: 'wrong' }), 'NotFound', 404)
})

test('the own content encoding outlives aws-chunked', async () => {
  const Bucket = await bucket()
  await put(Bucket, 'key', Readable.from(['zipped']), { ContentLength: 6, ContentEncoding: 'gzip' })
  assert.equal((await s3.headObject({ Bucket, Key: 'key' })).ContentEncoding, 'gzip')
})

test('metadata, also beyond ASCII', async () => {
  const Bucket = await bucket()
  await put(Bucket, 'key', 'x', { Metadata: { 'Mixed-Case': 'Kept', title: 'gr\u00fc\u00dfe' }, ContentType: 'text/x' })
  const { Metadata, ContentType } = await s3.headObject({ Bucket, Key: 'key' })
  assert.equal(ContentType, 'text/x')
  assert.equal(Metadata['mixed-case'], 'Kept')
  // The SDK writes UTF-8 and Node reads headers as Latin-1: equal bytes are what counts.
  assert.equal(Buffer.from(Metadata.title, 'latin1').toString('utf8'), 'gr\u00fc\u00dfe')
})

test('ranges and conditions', async () => {
  const Bucket = await bucket()
  const { ETag } = await put(Bucket, 'key', '0123456789')
  assert.equal(String(await bytes(Bucket, 'key', { Range: 'bytes=2-4' })), '234')
  assert.equal(String(await bytes(Bucket, 'key', { Range: 'bytes=-3' })), '789')
  await refused(s3.getObject({ Bucket, Key: 'key', Range: 'bytes=10-' }), 'InvalidRange', 416)
  await refused(s3.getObject({ Bucket, Key: 'key', IfMatch: '"0"' }), 'PreconditionFailed', 412)
  await assert.rejects(s3.getObject({ Bucket, Key: 'key', IfNoneMatch: ETag }), (error) => {
    assert.equal(error.$metadata.httpStatusCode, 304)
    return true
  })
  await refused(put(Bucket, 'key', 'x', { IfNoneMatch: '*' }), 'PreconditionFailed', 412)
  await put(Bucket, 'key', 'new', { IfMatch: ETag })
  await refused(put(Bucket, 'key', 'late', { IfMatch: ETag }), 'PreconditionFailed', 412)
  assert.equal(String(await bytes(Bucket, 'key')), 'new')
})

test('listing by pages and groups', async () => {
  const Bucket = await bucket()
  for (const Key of ['a', 'b/1', 'b/2', 'c', 'd/1', 'e']) await put(Bucket, Key)
  const found = []
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Delimiter: '/' })) {
    assert.equal(page.KeyCount, 2 - (found.length === 4 ? 1 : 0))
    found.push(...(page.Contents ?? []).map((entry) => entry.Key), ...(page.CommonPrefixes ?? []).map((p) => p.Prefix))
  }
  assert.deepEqual(found, ['a', 'b/', 'c', 'd/', 'e'])
  await refused(s3.listObjectsV2({ Bucket: 'no-such-bucket-here' }), 'NoSuchBucket', 404)
})

test('copy onto itself', async () => {
  const Bucket = await bucket()
  await put(Bucket, 'key', 'content', { Metadata: { a: '1' } })
  const onto = { Bucket, Key: 'key', CopySource: `${Bucket}/key` }
  await refused(s3.copyObject(onto), 'InvalidRequest', 400)
  await s3.copyObject({ ...onto, MetadataDirective: 'REPLACE', Metadata: { b: '2' } })
  const answer = await s3.getObject({ Bucket, Key: 'key' })
  assert.deepEqual([await answer.Body.transformToString(), answer.Metadata], ['content', { b: '2' }])
})

test('Upload of a stream of unknown length', async () => {
  const Bucket = await bucket()
  const data = seeded('upload', 22 * MIB + 1)
  const chunks = Array.from({ length: Math.ceil(data.length / 100000) }, (_, at) => data.subarray(at * 1e5, (at + 1) * 1e5))
  const upload = new Upload({ client: s3, params: { Bucket, Key: 'key', Body: Readable.from(chunks), ContentType: 'text/x' } })
  const { ETag } = await upload.done()
  assert.match(ETag, /^"[0-9a-f]{32}-5"$/)
  assert.equal(digest('sha256', await bytes(Bucket, 'key')), digest('sha256', data))
  assert.equal((await s3.headObject({ Bucket, Key: 'key' })).ContentType, 'text/x')
})

test('an aborted Upload leaves nothing', async () => {
  const Bucket = await bucket()
  const source = Readable.from((async function* () {
    yield seeded('abort', 6 * MIB)
    throw new Error('the source broke')
  })())
  const upload = new Upload({ client: s3, params: { Bucket, Key: 'key', Body: source } })
  await assert.rejects(upload.done(), /the source broke/)
  await refused(s3.headObject({ Bucket, Key: 'key' }), 'NotFound', 404)
  assert.equal((await s3.listMultipartUploads({ Bucket })).Uploads, undefined)
})

test('multipart by hand refuses what it must', async () => {
  const Bucket = await bucket()
  const target = { Bucket, Key: 'key', UploadId: (await s3.createMultipartUpload({ Bucket, Key: 'key' })).UploadId }
  const part = async (PartNumber, Body) => ({ PartNumber, ETag: (await s3.uploadPart({ ...target, PartNumber, Body })).ETag })
  const complete = (...Parts) => s3.completeMultipartUpload({ ...target, MultipartUpload: { Parts } })
  const [small, large] = [await part(1, 'small'), await part(2, seeded('part', 5 * MIB))]
  await refused(complete(small, large), 'EntityTooSmall', 400)
  await refused(complete(large, small), 'InvalidPartOrder', 400)
  await refused(complete(small, { PartNumber: 3, ETag: large.ETag }), 'InvalidPart', 400)
  await complete(large)
  assert.equal((await s3.headObject({ Bucket, Key: 'key' })).ContentLength, 5 * MIB)
  await refused(s3.listParts({ ...target, UploadId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }), 'NoSuchUpload', 404)
})

test('presigned PUT and GET by default settings', async () => {
  const Bucket = await bucket()
  for (const Key of ['key', 'dir/a +%\u00fc&?#']) {
    const data = seeded(`presigned ${Key}`, 10000)
    const url = await getSignedUrl(s3, new S3.PutObjectCommand({ Bucket, Key }))
    assert.equal(new URL(url).searchParams.get('x-amz-checksum-crc32'), 'AAAAAA==')
    assert.equal((await fetch(url, { method: 'PUT', body: data })).status, 200)
    const answer = await fetch(await getSignedUrl(s3, new S3.GetObjectCommand({ Bucket, Key })))
    assert.deepEqual([answer.status, Buffer.from(await answer.arrayBuffer())], [200, data])
  }
})

test('the bucket in the host name', async () => {
  const Bucket = await bucket()
  const lookup = (_, options, done) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
  const endpoint = `http://localhost:${process.env.HOSTED_PORT}`
  const hosted = new S3.S3({ endpoint, requestHandler: { httpAgent: { lookup } } })
  const url = await getSignedUrl(hosted, new S3.GetObjectCommand({ Bucket, Key: 'a b' }))
  assert.equal(new URL(url).hostname, `${Bucket}.localhost`)
  await hosted.putObject({ Bucket, Key: '/a +b', Body: 'hosted' })
  assert.equal(String(await bytes(Bucket, '/a +b')), 'hosted')
  assert.deepEqual((await hosted.listObjectsV2({ Bucket })).Contents.map((entry) => entry.Key), ['/a +b'])
})
