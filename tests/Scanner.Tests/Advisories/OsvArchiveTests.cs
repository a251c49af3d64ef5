using System.IO.Compression;
using System.Text;

using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Advisories;

/// <summary>Files of feeds in every form, and archives that are attacks.</summary>
public sealed class OsvArchiveTests
{
    private const string A = """{"id":"A","modified":"2024-01-01T00:00:00Z","details":"] } \" ["}""";
    private const string B = """{"id":"B","modified":"2024-01-01T00:00:00Z","affected":[]}""";

    private static IEnumerable<TestCaseData> Files()
    {
        yield return new TestCaseData(Utf8(A)) { TestName = "An object", ExpectedResult = "A" };
        yield return new TestCaseData(Utf8($"[{A},\n {B} ]")) { TestName = "An array", ExpectedResult = "A B" };
        yield return new TestCaseData(Utf8("[]")) { TestName = "An empty array", ExpectedResult = "" };
        yield return new TestCaseData(Utf8($"{A}\n{B}\n")) { TestName = "JSON lines", ExpectedResult = "A B" };
        yield return new TestCaseData(Utf8("\uFEFF" + A)) { TestName = "A byte order mark", ExpectedResult = "A" };
        yield return new TestCaseData(Gzipped.Of(Utf8($"[{A},{B}]"))) { TestName = "An array in gzip", ExpectedResult = "A B" };
        yield return new TestCaseData(Zip(("x/A.json", Utf8(A)), ("README.md", Utf8("no")), ("B.json.gz", Gzipped.Of(Utf8(B)))))
        {
            TestName = "A zip",
            ExpectedResult = "A B"
        };
        yield return new TestCaseData(Gzipped.Of(Zip(("A.json", Utf8(A))))) { TestName = "A zip in gzip", ExpectedResult = "A" };
        yield return new TestCaseData(Utf8($"{A} junk {B}")) { TestName = "Junk between objects", ExpectedResult = "A !" };
        yield return new TestCaseData(Utf8($"[{A},{B}")) { TestName = "Half an array", ExpectedResult = "A B !" };
        yield return new TestCaseData(Utf8($"[{A}],{B}")) { TestName = "More after an array", ExpectedResult = "A !" };
        yield return new TestCaseData(Utf8(A[..^1])) { TestName = "Half an object", ExpectedResult = "!" };
        yield return new TestCaseData(Utf8("")) { TestName = "Nothing", ExpectedResult = "!" };
        yield return new TestCaseData(Zip(("A.json", Utf8("{\"id\":7}")), ("B.json", Utf8(B))))
        {
            TestName = "A broken record among others",
            ExpectedResult = "! B"
        };
    }

    [TestCaseSource(nameof(Files))]
    public string Reads_the_records_of(byte[] file)
    {
        using var seekable = new MemoryStream(file);
        using var oneWay = new OneWay(file);
        var found = Ids(OsvArchive.Read(seekable));
        Assert.That(Ids(OsvArchive.Read(oneWay)), Is.EqualTo(found));
        Assert.That(seekable.CanRead, Is.True, "The caller's stream is left open.");
        return found;
    }

    [Test]
    public void Shows_the_text_of_each_record_and_where_it_was()
    {
        using var stream = new MemoryStream(Zip(("x/A.json", Utf8(A))));
        var entry = OsvArchive.Read(stream).Single();
        Assert.That((entry.Name, Encoding.UTF8.GetString(entry.Json.Span)), Is.EqualTo(("x/A.json", A)));
    }

    [Test]
    public void A_record_that_is_too_large_is_broken_and_the_others_are_read()
    {
        var large = """{"id":"L","modified":"2024-01-01T00:00:00Z","details":"XXX"}""".Replace(
            "XXX", new string('x', 200_000), StringComparison.Ordinal);
        Assert.That(ReadAll(Utf8($"[{large},{A}]"), new OsvLimits { RecordBytes = 100_000 }), Is.EqualTo("! A"));
        Assert.That(ReadAll(Zip(("L.json", Utf8(large)), ("A.json", Utf8(A))), new OsvLimits { RecordBytes = 100_000 }), Is.EqualTo("! A"));
    }

    [Test]
    public void An_archive_that_unpacks_beyond_the_limit_is_refused()
    {
        var bomb = new byte[20 << 20];
        Array.Fill(bomb, (byte)' ');
        var limits = new OsvLimits { TotalBytes = 10 << 20 };
        Assert.That(() => ReadAll(Zip(("A.json", bomb)), limits), Throws.InstanceOf<OsvArchiveException>());
        Assert.That(() => ReadAll(Gzipped.Of(bomb), limits), Throws.InstanceOf<OsvArchiveException>());
        Assert.That(() => ReadAll(Zip(("A.json.gz", Gzipped.Of(bomb))), limits), Throws.InstanceOf<OsvArchiveException>());
    }

    [Test]
    public void An_archive_of_more_records_than_the_limit_is_refused()
    {
        var limits = new OsvLimits { Records = 3 };
        Assert.That(() => ReadAll(Utf8($"[{A},{A},{A},{A}]"), limits), Throws.InstanceOf<OsvArchiveException>());
        Assert.That(() => ReadAll(Zip(("1", []), ("2", []), ("3", []), ("4", [])), limits), Throws.InstanceOf<OsvArchiveException>());
    }

    [Test]
    public void A_damaged_archive_is_refused()
    {
        Assert.That(() => ReadAll([.. "PK\x03\x04"u8, .. new byte[100]]), Throws.InstanceOf<OsvArchiveException>());
        Assert.That(ReadAll(Gzipped.Of(Utf8(A))[..^12]), Is.EqualTo("!"));
    }

    [Test]
    public void A_cancelled_import_stops()
    {
        using var stream = new MemoryStream(Utf8($"[{A},{B}]"));
        Assert.That(() => OsvArchive.Read(stream, ct: new CancellationToken(canceled: true)).ToArray(),
            Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Records_of_other_databases_are_read_or_refused_with_a_reason()
    {
        using var file = File.OpenRead(TestData.File("advisories", "osv-samples.zip"));
        var entries = OsvArchive.Read(file).ToArray();
        Assert.That(entries.Count(entry => entry.Record is OsvRecord.Valid), Is.GreaterThan(entries.Length / 2));
        Assert.That(entries.Select(entry => entry.Record).OfType<OsvRecord.Broken>().Where(broken => broken.Reason.Length == 0), Is.Empty);
    }

    private static string ReadAll(byte[] file, OsvLimits? limits = null)
    {
        using var stream = new MemoryStream(file);
        return Ids(OsvArchive.Read(stream, limits));
    }

    private static string Ids(IEnumerable<OsvArchive.Entry> entries) =>
        string.Join(' ', entries.Select(entry => entry.Record is OsvRecord.Valid valid ? valid.Advisory.Id : "!"));

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return packed.ToArray();
    }

    private sealed class OneWay(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
