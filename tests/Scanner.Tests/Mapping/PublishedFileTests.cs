using System.IO.Compression;
using System.Text;

using EnvPlatform.Scanner.Mapping.Published;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>The files of published mappings, valid and invalid.</summary>
public sealed class PublishedFileTests
{
    [Test]
    public void A_channel_s_mapping_lists_names_or_none()
    {
        var lines = Parselmouth("""{ "numpy": ["numpy"], "zstd": null, "ray-core": ["ray", "yarl"], "empty": [] }""");
        Assert.That(lines.Select(line => $"{line.CondaName}: {string.Join(' ', line.PypiNames)}{line.Problem}"),
            Is.EqualTo((string[])["numpy: numpy", "zstd: ", "ray-core: ray yarl", "empty: "]));
    }

    [TestCase("""{ "a": 1, "good": ["good"] }""", "a")]
    [TestCase("""{ "a": "b", "good": ["good"] }""", "a")]
    [TestCase("""{ "a": [null], "good": ["good"] }""", "a")]
    [TestCase("""{ "a": ["b c"], "good": ["good"] }""", "a")]
    [TestCase("""{ "a": [""], "good": ["good"] }""", "a")]
    [TestCase("""{ "a": ["\ud800"], "good": ["good"] }""", "a")]
    [TestCase("""{ "a": {}, "good": ["good"] }""", "a")]
    [TestCase("""{ "a b": ["c"], "good": ["good"] }""", "a b")]
    [TestCase("""{ "\ud800": ["c"], "good": ["good"] }""", "")]
    [TestCase("""{ "": ["c"], "good": ["good"] }""", "")]
    [TestCase("""{ "a\u0000\ud83d\ude00": ["c"], "good": ["good"] }""", "a\uFFFD\uFFFD\uFFFD")]
    public void A_broken_entry_is_told_by_its_name_and_does_not_stop_the_rest(string json, string name)
    {
        var lines = Parselmouth(json);
        Assert.That(lines.Single(line => line.Problem is not null).Name, Is.EqualTo(name));
        Assert.That(lines.Single(line => line.Problem is null).CondaName, Is.EqualTo("good"));
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("""["a"]""")]
    [TestCase("""{ "a": ["b"]""")]
    [TestCase("""{ "a": [[[["b"]]]] }""")]
    [TestCase("<html></html>")]
    public void Something_else_is_refused_whole(string json) => Assert.That(() => Parselmouth(json), Throws.TypeOf<InvalidDataException>());

    [Test]
    public void The_table_kept_by_hand_is_read_the_other_way_round()
    {
        var lines = Grayskull("""
            # A comment.
            torch:
              conda_forge: pytorch
              import_name: torch
            opencv-python:
              conda_forge: opencv
              import_name: cv2
              versions: [1, { a: b }]
              deeper:
                conda_forge: something-else
            "opencv-python-headless":   # quoted
                import_name: cv2
                conda_forge: 'opencv' # by hand
            """);
        Assert.That(lines.Select(line => $"{line.CondaName}: {string.Join(' ', line.PypiNames)}{line.Problem}"),
            Is.EqualTo((string[])["pytorch: torch", "opencv: opencv-python opencv-python-headless"]));
    }

    [TestCase("a: b", "a")]
    [TestCase("a: [b, [c, {d: e}]]", "a")]
    [TestCase("a:\n  import_name: b", "a")]
    [TestCase("a:\n  conda_forge: [b]", "a")]
    [TestCase("a:\n  conda_forge: b c", "a")]
    [TestCase("a b:\n  conda_forge: b", "a b")]
    [TestCase("a:\n  conda_forge:", "a")]
    [TestCase("a: { conda_forge: b }", "a")]
    [TestCase("a: &x\n  conda_forge: b", "a")]
    [TestCase("a:\n  deeper:\n    conda_forge: b", "a")]
    public void A_broken_entry_of_the_table_does_not_stop_the_rest(string yaml, string name)
    {
        var lines = Grayskull(yaml + "\ngood:\n  conda_forge: fine\n");
        Assert.That(lines.Single(line => line.Problem is not null).Name, Is.EqualTo(name));
        Assert.That(lines.Single(line => line.Problem is null).CondaName, Is.EqualTo("fine"));
    }

    [TestCase("")]
    [TestCase("- a")]
    [TestCase("text")]
    [TestCase("# nothing")]
    [TestCase("a")]
    [TestCase(":")]
    [TestCase("  a: b")]
    [TestCase("a:\n\tconda_forge: b")]
    [TestCase("{")]
    [TestCase("<html>\n</html>")]
    public void Another_text_is_refused_whole(string yaml) => Assert.That(() => Grayskull(yaml), Throws.TypeOf<InvalidDataException>());

    [Test]
    public void Text_that_is_no_UTF_8_is_refused_whole() =>
        Assert.That(() => GrayskullFile.Read(new MemoryStream([0x61, 0xff, 0x3a])), Throws.TypeOf<InvalidDataException>());

    [Test]
    public void What_unpacks_to_more_than_any_mapping_is_refused()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var spaces = new byte[1 << 20];
            Array.Fill(spaces, (byte)' ');
            for (var i = 0; i < 65; i++)
            {
                gzip.Write(spaces);
            }
        }

        packed.Position = 0;
        Assert.That(() => ParselmouthFile.Read(packed), Throws.TypeOf<InvalidDataException>().With.Message.Contains("longer than"));
    }

    [TestCase("parselmouth-conda-forge.json")]
    [TestCase("parselmouth-bioconda.json")]
    [TestCase("parselmouth-pytorch.json")]
    [TestCase("parselmouth-tango-controls.json")]
    public void The_published_mappings_are_read_whole(string name)
    {
        using var file = File.OpenRead(TestData.File("mapping", name));
        var lines = ParselmouthFile.Read(file);
        Assert.That(lines, Is.Not.Empty);
        Assert.That(lines.Where(line => line.Problem is not null), Is.Empty);
    }

    [Test]
    public void The_published_table_is_read_whole()
    {
        using var file = File.OpenRead(TestData.File("mapping", "grayskull-pypi-to-conda.yaml"));
        var lines = GrayskullFile.Read(file);
        Assert.That(lines.Single(line => line.CondaName == "pytorch").PypiNames, Does.Contain("torch"));
        Assert.That(lines.Where(line => line.Problem is not null), Is.Empty);
    }

    private static IReadOnlyList<PublishedLine> Parselmouth(string json) =>
        ParselmouthFile.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)));

    private static IReadOnlyList<PublishedLine> Grayskull(string yaml) =>
        GrayskullFile.Read(new MemoryStream(Encoding.UTF8.GetBytes(yaml)));
}
