using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Formats;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Audit.Tests.Formats;

/// <summary>Every action of the catalogue in every format: as it was approved, and as the format's specification asks.</summary>
public sealed class FormatTests
{
    private static readonly string Folder = Path.Combine(Root(), "tests", "Audit.Tests", "Formats");

    /// <summary>A file for each format, with a line for each action of the catalogue. With APPROVE set it is written anew.</summary>
    [TestCaseSource(typeof(AuditFormats), nameof(AuditFormats.Lines))]
    public void Every_action_looks_as_it_was_approved(string format)
    {
        var written = Encoding.UTF8.GetString(
            [.. AuditFormats.Header(format), .. Actions().SelectMany(one => AuditFormats.Line(format, one))]);
        var file = Path.Combine(Folder, $"approved.{format}.txt");
        if (Environment.GetEnvironmentVariable("APPROVE") is { Length: > 0 })
        {
            File.WriteAllText(file, written);
        }

        // What is new in the catalogue is approved with the next change of a format; what is approved stays as it is.
        var approved = File.ReadAllText(file).Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        Assert.That(approved, Has.Length.GreaterThan(50));
        Assert.That(approved, Is.SubsetOf(written.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n')));
    }

    [Test]
    public void A_line_of_jsonl_is_the_entry_that_the_tree_has_the_hash_of() =>
        Assert.That(AuditFormats.Line("jsonl", EntryOf("token_created")), Is.EqualTo(EntryOf("token_created").Append((byte)'\n')));

    [TestCase("=1+1", "'=1+1")]
    [TestCase("+1", "'+1")]
    [TestCase("-1", "'-1")]
    [TestCase("@a", "'@a")]
    [TestCase("\t=1", "'\t=1")]
    [TestCase("a \"b\", c", "\"a \"\"b\"\", c\"")]
    [TestCase("a\nb", "\"a\nb\"")]
    [TestCase("plain", "plain")]
    public void A_cell_of_csv_is_quoted_and_is_no_formula(string message, string cell) =>
        Assert.That(Encoding.UTF8.GetString(AuditFormats.Line("csv", EntryOf("token_created", message))), Does.Contain($",{cell},"));

    [Test]
    public void Every_line_of_csv_has_as_many_cells_as_the_header() =>
        Assert.That(Actions().Select(entry => CellsOf(Encoding.UTF8.GetString(AuditFormats.Line("csv", entry)))),
            Is.All.EqualTo(CellsOf(Encoding.UTF8.GetString(AuditFormats.Header("csv")))));

    /// <summary>CloudEvents 1.0, sections 3.1 to 3.3, and the JSON event format.</summary>
    [Test]
    public void Every_CloudEvent_has_the_attributes_of_the_specification()
    {
        foreach (var json in Actions().Select(entry => JsonNode.Parse(AuditFormats.Line("cloudevents", entry))!.AsObject()))
        {
            Assert.That((string?)json["specversion"], Is.EqualTo("1.0"));
            Assert.That(new[] { "id", "source", "type" }.Select(name => (string?)json[name]), Is.All.Not.Empty);
            Assert.That(Uri.TryCreate((string?)json["source"], UriKind.Absolute, out _), Is.True);
            Assert.That(DateTimeOffset.TryParse((string?)json["time"], out _), Is.True);
            Assert.That(json.Select(member => member.Key), Is.All.Matches("^[a-z0-9]{1,20}$"));
            Assert.That(json.Where(member => member.Key != "data").Select(member => member.Value!.GetValueKind()),
                Is.All.EqualTo(JsonValueKind.String));
        }
    }

    [Test]
    public void A_CloudEvent_is_never_over_64_KiB()
    {
        var many = Enumerable.Range(0, 900).ToDictionary(i => $"{i}", _ => new string('x', 60));
        var entry = EntryOf("token_created", meta: new { text = many });
        Assert.That(entry, Has.Length.GreaterThan(60_000));
        var large = AuditFormats.Line("cloudevents", EntryOf("token_created", new string('é', 2_000), new { a = new string('"', 15_000) }));
        Assert.That(large, Has.Length.LessThanOrEqualTo(65_536));
        Assert.That(AuditFormats.Line("cloudevents", entry), Has.Length.LessThanOrEqualTo(65_536));
    }

    /// <summary>The required attributes of the classes of OCSF 1.8 that are used, and the values that it allows.</summary>
    [Test]
    public void Every_OCSF_event_has_what_its_class_requires()
    {
        Dictionary<int, (string[] Required, int[] Activities)> classes = new()
        {
            [3001] = (["user"], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]),
            [3002] = (["user"], [1, 2, 3, 4, 5, 6, 99]),
            [3006] = (["group"], [1, 2, 3, 4, 5, 6, 99]),
            [6003] = (["actor", "api", "src_endpoint"], [1, 2, 3, 4, 99]),
        };
        foreach (var json in Actions().Select(entry => JsonNode.Parse(AuditFormats.Line("ocsf", entry))!.AsObject()))
        {
            var (uid, activity) = ((int)json["class_uid"]!, (int)json["activity_id"]!);
            Assert.That(classes, Does.ContainKey(uid));
            string[] required =
                ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", .. classes[uid].Required];
            Assert.That(required.Where(name => json[name] is null), Is.Empty, json.ToJsonString());
            Assert.That(classes[uid].Activities, Does.Contain(activity));
            Assert.That((int)json["type_uid"]!, Is.EqualTo(uid * 100 + activity));
            Assert.That((int)json["category_uid"]!, Is.EqualTo(uid / 1_000));
            Assert.That((int)json["severity_id"]!, Is.InRange(0, 6).Or.EqualTo(99));
            Assert.That((string?)json["metadata"]!["version"], Is.EqualTo("1.8.0"));
            Assert.That((string?)json["metadata"]!["product"]!["vendor_name"], Is.Not.Empty);
            Assert.That(json["src_endpoint"]!["ip"] ?? json["src_endpoint"]!["name"], Is.Not.Null);
            Assert.That(json.ToJsonString(), Does.Not.Contain("\":null,\"uid"), "no nulls");
        }
    }

    /// <summary>The header has seven fields, and what separates is escaped: splitting gives back what was put in.</summary>
    [Test]
    public void Every_CEF_line_can_be_taken_apart()
    {
        foreach (var entry in Actions().Append(EntryOf("token_created", "a|b=c\\d\ne")))
        {
            var line = Encoding.UTF8.GetString(AuditFormats.Line("cef", entry));
            var header = Regex.Split(line, @"(?<!\\)\|");
            Assert.That(header[..4], Is.EqualTo(new[] { "CEF:0", "EnvPlatform", "EnvPlatform", "1" }));
            Assert.That(int.Parse(header[6]), Is.InRange(0, 10));
            Assert.That(line.TrimEnd('\n'), Does.Not.Contain("\n"));
        }

        Assert.That(
            Encoding.UTF8.GetString(AuditFormats.Line("cef", EntryOf("token_created", "a|b=c\\d\ne"))),
            Does.Contain(@" msg=a|b\=c\\d\ne "));
    }

    private static IEnumerable<byte[]> Actions() =>
        AuditActions.CategoryOf.OrderBy(action => action.Value, StringComparer.Ordinal).ThenBy(action => action.Key, StringComparer.Ordinal)
            .Select(action => EntryOf(action.Key));

    private static byte[] EntryOf(string action, string message = "Ada did it.", object? meta = null) => AuditEntry.Of(
        new(Guid.Parse("01a00000-0000-7000-8000-000000000001"), new OrganizationId(Guid.Parse("01a00000-0000-7000-8000-0000000000aa")),
            "acme", action, new("ada", "ada@example.org", "user"), new("t1", null, "thing"), "identity", message,
            JsonSerializer.SerializeToElement(meta ?? new { before = new { name = "a" }, after = new { name = "b" } }),
            new DateTimeOffset(2026, 11, 21, 9, 0, 0, TimeSpan.Zero), "192.0.2.7", "tests/1", "0af7651916cd43dd8448eb211c80319c", "r1"),
        7, new DateTimeOffset(2026, 11, 21, 9, 0, 1, TimeSpan.Zero)).Bytes.ToArray();

    private static int CellsOf(string line) =>
        Regex.Count(line.TrimEnd('\r', '\n'), "(?:^|,)(?:\"(?:[^\"]|\"\")*\"|[^,\"]*)");

    private static string Root()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
        {
            folder = folder.Parent;
        }

        return folder!.FullName;
    }
}
