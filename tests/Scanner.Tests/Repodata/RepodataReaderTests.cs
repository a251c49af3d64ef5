using System.IO.Compression;
using System.Text;

using EnvPlatform.Scanner.Repodata;

namespace EnvPlatform.Scanner.Tests.Repodata;

/// <summary>A channel's list of packages is read entry by entry, whatever its compression; what cannot be read is named.</summary>
public sealed class RepodataReaderTests
{
    private const string File =
        """
        {
          "info": { "subdir": "linux-64", "base_url": "x" },
          "removed": ["gone-1.0-0.tar.bz2", {"a": [1]}],
          "packages": {
            "heron-1.0-0.tar.bz2": { "name": "heron", "version": "1.0", "build": "0", "build_number": 0, "depends": ["egret >=1"],
              "constrains": ["owl <2"], "md5": "x", "size": 7, "track_features": "blas" }
          },
          "signatures": { "heron-1.0-0.tar.bz2": { "key": { "signature": "}" } } },
          "packages.conda": {
            "heron-2.0-h1_3.conda": { "build": "h1_3", "build_number": 3, "depends": [], "name": "heron", "version": "2.0" }
          },
          "repodata_version": 1
        }
        """;

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public async Task Both_lists_are_read_in_every_compression(int packing)
    {
        var (entries, subdir) = await ReadAsync(Pack(Encoding.UTF8.GetBytes(File), packing));
        Assert.Multiple(() =>
        {
            Assert.That(subdir, Is.EqualTo("linux-64"));
            Assert.That(entries.Select(entry => entry.Build).Select(build =>
                $"{build!.Name} {build.Version} {build.Build} {build.BuildNumber} [{string.Join(';', build.Depends)}] "
                + $"[{string.Join(';', build.Constrains)}] {build.HasTrackFeatures}"), Is.EqualTo(new[]
                {
                    "heron 1.0 0 0 [egret >=1] [owl <2] True", "heron 2.0 h1_3 3 [] [] False",
                }));
        });
    }

    [Test]
    public async Task A_stored_line_is_read_as_it_was_written()
    {
        var build = new ChannelBuild("heron", "1.0", "h\"1'", 3, ["egret >=1,<2", "owl *"], ["é <2"], true);
        var line = build.ToLine(new());
        var read = ChannelBuild.Read("heron", line, []);
        Assert.Multiple(() =>
        {
            Assert.That(line, Is.EqualTo("""["1.0","h\"1'",3,["egret >=1,<2","owl *"],["é <2"],1]"""));
            Assert.That(line, Does.StartWith(ChannelBuild.PrefixOf("1.0", "h\"1'")));
            Assert.That(read with { Depends = build.Depends, Constrains = build.Constrains }, Is.EqualTo(build));
            Assert.That((read.Depends, read.Constrains), Is.EqualTo((build.Depends, build.Constrains)));
        });
        await Task.CompletedTask;
    }

    [TestCase("""{ "version": "1", "build": "0" }""", "name")]
    [TestCase("""{ "name": "a b", "version": "1", "build": "0" }""", "name")]
    [TestCase("""{ "name": "a", "version": "1 2", "build": "0" }""", "version")]
    [TestCase("""{ "name": "a", "version": "1" }""", "build")]
    [TestCase("""{ "name": "a", "version": "1", "build": "0\n" }""", "build")]
    [TestCase("""{ "name": "a", "version": "1", "build": "0", "depends": [null] }""", "depends")]
    [TestCase("""{ "name": "a", "version": "1", "build": "0", "depends": "b" }""", "not as entries")]
    [TestCase("""{ "name": "a", "version": 1, "build": "0" }""", "not as entries")]
    [TestCase("""{ "name": "\ud800", "version": "1", "build": "0" }""", "not as entries")]
    [TestCase("null", "null")]
    [TestCase("[1]", "not as entries")]
    public async Task An_entry_that_cannot_be_read_is_named_and_the_others_are_read(string entry, string why)
    {
        var (entries, _) = await ReadAsync(Encoding.UTF8.GetBytes(
            $$"""{ "packages": { "bad.conda": {{entry}}, "good.conda": { "name": "good", "version": "1", "build": "0" } } }"""));
        Assert.That(entries.Select(one => $"{one.File} {one.Build?.Name}"), Is.EqualTo(new[] { "bad.conda ", "good.conda good" }));
        Assert.That(entries[0].Problem, Does.Contain(why));
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{")]
    [TestCase("""{ "packages": [] }""")]
    [TestCase("""{ "packages": { "a": { """)]
    [TestCase("""{ "packages": { } } x""")]
    [TestCase("<html></html>")]
    public void A_file_that_is_none_is_refused(string file) =>
        Assert.That(async () => await ReadAsync(Encoding.UTF8.GetBytes(file)), Throws.TypeOf<InvalidDataException>());

    [TestCase(1)]
    [TestCase(2)]
    public async Task A_file_that_is_cut_off_or_damaged_is_refused(int packing)
    {
        var whole = Pack(Encoding.UTF8.GetBytes(File), packing);
        for (var length = 5; length < whole.Length - 8; length += 7)
        {
            Assert.That(async () => await ReadAsync(whole[..length]), Throws.TypeOf<InvalidDataException>(), $"{length} bytes");
        }

        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var damaged = whole.ToArray();
            damaged[random.Next(4, damaged.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                await ReadAsync(damaged);
            }
            catch (InvalidDataException)
            {
                // Any other exception is a fault; damage that leaves JSON of the same form cannot be seen.
            }
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public void What_unpacks_to_more_than_the_limit_is_refused(int packing) => Assert.That(
        async () => await ReadAsync(Pack(Encoding.UTF8.GetBytes(File), packing), 500),
        Throws.TypeOf<InvalidDataException>().With.Message.Contains("more bytes than the limit"));

    [Test]
    public async Task Entries_across_the_ends_of_buffers_are_read()
    {
        var text = new StringBuilder("""{ "packages": { """);
        for (var i = 0; i < 5_000; i++)
        {
            text.Append(i == 0 ? "" : ",").Append($$"""
                "p{{i}}.conda": { "name": "p{{i}}", "version": "1.{{i}}", "build": "0", "depends": ["{{new string('x', i % 900)}}x"] }
                """);
        }

        text.Append("} }");
        var (entries, _) = await ReadAsync(Pack(Encoding.UTF8.GetBytes(text.ToString()), 2));
        Assert.That(entries.Select(entry => entry.Build!.Name), Is.EqualTo(Enumerable.Range(0, 5_000).Select(i => $"p{i}")));
    }

    private static async Task<(List<RepodataReader.Entry> Entries, string? Subdir)> ReadAsync(byte[] file, long limit = 1 << 30)
    {
        using var stream = new MemoryStream(file);
        using var reader = RepodataReader.Open(stream, limit);
        var entries = new List<RepodataReader.Entry>();
        while (await reader.NextAsync(CancellationToken.None) is { } entry)
        {
            entries.Add(entry);
        }

        return (entries, reader.Subdir);
    }

    private static byte[] Pack(byte[] bytes, int packing)
    {
        if (packing == 0)
        {
            return bytes;
        }

        if (packing == 2)
        {
            using var compressor = new ZstdSharp.Compressor();
            return compressor.Wrap(bytes).ToArray();
        }

        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }
}
