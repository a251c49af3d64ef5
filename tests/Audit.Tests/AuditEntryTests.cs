using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests;

public sealed class AuditEntryTests
{
    private static readonly AuditEventOccurred Occurred = new(
        Guid.Parse("01a00000-0000-7000-8000-000000000001"), new OrganizationId(Guid.Parse("01a00000-0000-7000-8000-0000000000aa")), "acme",
        "environment_status_changed",
        new("ada", "ada@example.org", "user"), new("e1", null, "environment"), "policy", "Blocked “science”.",
        JsonSerializer.SerializeToElement(new { b = 1, a = 2.50 }),
        new DateTimeOffset(2026, 11, 21, 10, 0, 0, TimeSpan.FromHours(1)).AddTicks(1_234_567), "192.0.2.7", null, "t", "r");

    [Test]
    public void The_entry_is_these_bytes()
    {
        var entry = AuditEntry.Of(Occurred, 7, Occurred.OccurredAt.AddSeconds(1));
        Assert.That(Encoding.UTF8.GetString(entry.Bytes.Span), Is.EqualTo(
            """{"action_key":"environment_status_changed","action_verb":"changed","actor_email":"ada@example.org","actor_id":"ada","actor_type":"user","category":"environment","created_at":"2026-11-21T09:00:01.123456Z","id":"01a00000-0000-7000-8000-000000000001","message":"Blocked “science”.","meta":{"a":2.5,"b":1},"occurred_at":"2026-11-21T09:00:00.123456Z","org_id":"01a00000-0000-7000-8000-0000000000aa","org_name":"acme","request_id":"r","seq":7,"service_name":"policy","source_address":"192.0.2.7","target_email":null,"target_id":"e1","target_type":"environment","trace_id":"t","user_agent":null}"""));
    }

    [Test]
    public void The_entry_is_its_own_canonical_form()
    {
        var entry = AuditEntry.Of(Occurred with { Message = "a\u0001\"\\\t€😀", UserAgent = "x" }, 1, Occurred.OccurredAt);
        using var document = JsonDocument.Parse(entry.Bytes);
        Assert.That(CanonicalJson.Encode(document.RootElement), Is.EqualTo(entry.Bytes.ToArray()));
    }

    // The leaf of an empty entry is a well-known value of certificate transparency: SHA-256 of one zero byte.
    [Test]
    public void The_leaf_of_nothing_is_the_well_known_hash() =>
        Assert.That(Convert.ToHexStringLower(MerkleHash.Leaf([])),
            Is.EqualTo("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"));

    [Test]
    public void The_leaf_is_the_hash_of_a_zero_byte_and_the_entry()
    {
        var entry = AuditEntry.Of(Occurred, 1, Occurred.OccurredAt);
        Assert.That(entry.LeafHash, Is.EqualTo(SHA256.HashData([0, .. entry.Bytes.Span])));
    }

    [Test]
    public void Details_that_are_too_large_are_cut_by_field_and_say_so()
    {
        var meta = JsonSerializer.SerializeToElement(new
        {
            name = "science",
            command = new string('\u0001', 16_384),
            before = new { packages = 3, list = Enumerable.Range(0, 5_000) },
        });
        var entry = AuditEntry.Of(Occurred with { Meta = meta }, 1, Occurred.OccurredAt);
        using var document = JsonDocument.Parse(entry.Bytes);
        var kept = document.RootElement.GetProperty("meta");
        var mark = kept.GetProperty("truncated");
        Assert.Multiple(() =>
        {
            Assert.That(entry.Bytes.Length, Is.LessThanOrEqualTo(AuditEntry.MaxBytes));
            Assert.That(kept.GetProperty("name").GetString(), Is.EqualTo("science"));
            Assert.That(kept.GetProperty("before").GetProperty("packages").GetInt32(), Is.EqualTo(3));
            Assert.That(kept.GetProperty("before").GetProperty("list").GetArrayLength(), Is.InRange(16, 1_000));
            Assert.That(kept.GetProperty("command").GetString(), Has.Length.InRange(512, 8_192).And.EndsWith("…"));
            Assert.That(mark.GetProperty("fields").EnumerateArray().Select(field => field.GetString()),
                Is.EquivalentTo(new[] { "command", "before.list" }));
            Assert.That(mark.GetProperty("size").GetInt32(), Is.EqualTo(CanonicalJson.Encode(meta).Length));
            Assert.That(
                mark.GetProperty("sha256").GetString(), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(CanonicalJson.Encode(meta)))));
        });
    }

    private static IEnumerable<object> Worst()
    {
        var odd = new string('\u0001', 100_000);
        yield return odd;
        yield return Enumerable.Range(0, 100_000).Select(_ => "\u0001");
        yield return Enumerable.Range(0, 2_000).ToDictionary(i => $"{i}{odd[..1_000]}", i => odd[..1_000]);
        yield return Enumerable.Range(0, 12).Aggregate((object)odd[..100], (inner, _) => new object[] { inner, inner, inner });
        yield return JsonDocument.Parse("[" + new string('9', 100_000) + "]").RootElement;
    }

    [TestCaseSource(nameof(Worst))]
    public void Whatever_the_details_are_the_entry_fits_and_is_its_own_canonical_form(object details)
    {
        var entry = AuditEntry.Of(Occurred with { Meta = JsonSerializer.SerializeToElement(details) }, 1, Occurred.OccurredAt);
        using var document = JsonDocument.Parse(entry.Bytes);
        Assert.Multiple(() =>
        {
            Assert.That(entry.Bytes.Length, Is.LessThanOrEqualTo(AuditEntry.MaxBytes));
            Assert.That(CanonicalJson.Encode(document.RootElement), Is.EqualTo(entry.Bytes.ToArray()));
            Assert.That(document.RootElement.GetProperty("meta").EnumerateObject().Count(), Is.GreaterThan(1), "something is left");
        });
    }

    [Test]
    public void Whatever_the_texts_are_the_entry_fits()
    {
        var worst = new string('\u0001', 100_000);
        var entry = AuditEntry.Of(
            new(Guid.CreateVersion7(), null, worst, worst, new(worst, worst, worst), new(worst, worst, worst), worst, worst,
                JsonSerializer.SerializeToElement(worst),
                DateTimeOffset.MaxValue, worst, worst, worst, worst), long.MaxValue, DateTimeOffset.MaxValue);
        Assert.That(entry.Bytes.Length, Is.LessThanOrEqualTo(AuditEntry.MaxBytes));
    }

    [Test]
    public void Text_that_cannot_be_stored_is_made_storable()
    {
        string Stored(string message) => AuditEntry.Of(Occurred with { Message = message }, 1, Occurred.OccurredAt).Event.Message;
        Assert.That(Stored("a\0b"), Is.EqualTo("a\uFFFDb"));
        Assert.That(Stored("a" + (char)0xD800 + "b"), Is.EqualTo("a\uFFFDb"));
        Assert.That(Stored("😀"), Is.EqualTo("😀"));
    }

    [Test]
    public void Details_that_are_not_valid_Unicode_are_left_out_by_field()
    {
        using var meta = JsonDocument.Parse("""{"a":"\ud800","b":"kept"}""");
        var entry = AuditEntry.Of(Occurred with { Meta = meta.RootElement }, 1, Occurred.OccurredAt);
        Assert.That(
            Encoding.UTF8.GetString(entry.Bytes.Span), Does.Contain("{\"a\":\"\uFFFD\",\"b\":\"kept\",\"truncated\":{\"fields\":[\"a\"],"));
    }

    [Test]
    public void What_belongs_to_no_organization_belongs_to_the_platform()
    {
        var entry = AuditEntry.Of(Occurred with { OrganizationId = null, OrganizationName = null }, 1, Occurred.OccurredAt);
        Assert.That((entry.Event.OrgId.Value, entry.Event.OrgName), Is.EqualTo((Guid.Empty, "platform")));
    }
}
