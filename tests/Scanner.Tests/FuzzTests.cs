using System.Text;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Severities;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests;

/// <summary>More than a hundred thousand damaged inputs: each gives an answer or the one declared exception.</summary>
public sealed class FuzzTests
{
    private const string Record = """
        {"schema_version":"1.7.0","id":"GHSA-1","modified":"2024-03-02T01:02:03Z","published":"2024-03-01T00:00:00Z","aliases":["CVE-2024-1","\u00e9\ud83d\ude00"],
        "summary":"s","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"HIGH"},
        "affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":["1.0","1.1rc1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2"},{"last_affected":"2.1"}]}]}]}
        """;

    private static readonly string[] Versions = ["1.0", "1!2.0.post1.dev3+local.1", "1.1.1zd", "2024.01.02-rc1", "3.0.0-alpha.1+b", "1.0_1", "0.9.8", "99999999999999999999.1", "v1.2b3"];

    private static readonly string[] Vectors =
    [
        "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:POC/RL:OF/RC:C", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:P/MAV:N",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:H/SI:N/SA:N/MSI:S/U:Red",
    ];

    [Test]
    public void Records_are_read_or_refused_and_what_is_read_can_be_matched()
    {
        var (valid, broken) = (0, 0);
        foreach (var json in Mutations(40_000, 1, [Encoding.UTF8.GetBytes(Record)]))
        {
            if (OsvParser.Parse(json) is not OsvRecord.Valid record)
            {
                broken++;
                continue;
            }

            valid++;
            var advisories = new[] { record.Advisory };
            var index = AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);
            foreach (var version in Versions) index.Match(new InstalledPackage(PackageManager.PyPI, "x", version));
        }

        Assert.That(valid, Is.GreaterThan(0));
        Assert.That(broken, Is.GreaterThan(0));
    }

    [Test]
    public void Archives_are_read_or_refused()
    {
        var refused = 0;
        using var packed = new MemoryStream();
        using (var zip = new System.IO.Compression.ZipArchive(packed, System.IO.Compression.ZipArchiveMode.Create))
        {
            using var entry = zip.CreateEntry("A.json").Open();
            entry.Write(Encoding.UTF8.GetBytes(Record));
        }

        foreach (var file in Mutations(10_000, 2, [packed.ToArray(), Encoding.UTF8.GetBytes($"[{Record},{Record}]")]))
        {
            using var stream = new MemoryStream(file);
            try
            {
                foreach (var entry in OsvArchive.Read(stream)) Assert.That(entry.Record, Is.Not.Null);
            }
            catch (OsvArchiveException)
            {
                refused++;
            }
        }

        Assert.That(refused, Is.GreaterThan(0));
    }

    [Test]
    public void Records_of_NVD_are_read_or_refused_and_what_is_read_can_be_matched()
    {
        var (valid, broken) = (0, 0);
        var samples = File.ReadLines(TestData.File("advisories", "nvd-cve-samples.jsonl")).Where(line => line.Length < 20_000).Select(Encoding.UTF8.GetBytes).ToArray();
        foreach (var json in Mutations(20_000, 5, samples))
        {
            if (NvdParser.Parse(json) is not NvdRecord.Valid record)
            {
                broken++;
                continue;
            }

            valid++;
            var advisories = new[] { record.Advisory };
            var index = AdvisoryIndex.Build(advisories, VulnerabilityGroups.Of(advisories), ConventionMapping.BuiltIn, []);
            foreach (var version in Versions)
            {
                foreach (var name in new[] { "openssl", "nodejs", "go" }) index.Match(new InstalledPackage(PackageManager.Conda, name, version, "h1_0"));
            }
        }

        Assert.That(valid, Is.GreaterThan(0));
        Assert.That(broken, Is.GreaterThan(0));
    }

    [Test]
    public void Versions_are_read_or_refused_and_compare()
    {
        var valid = 0;
        var previous = "1.0";
        foreach (var bytes in Mutations(40_000, 3, [.. Versions.Select(Encoding.UTF8.GetBytes)]))
        {
            var text = Encoding.Latin1.GetString(bytes);
            foreach (var scheme in Enum.GetValues<VersionScheme>())
            {
                var order = VersionOrder.Compare(scheme, text, previous);
                Assert.That(VersionOrder.Compare(scheme, previous, text) is { } mirrored ? Math.Sign(-mirrored) : (int?)null, Is.EqualTo(order is { } known ? Math.Sign(known) : (int?)null));
                if (order is not null) valid++;
            }

            previous = text;
        }

        Assert.That(valid, Is.GreaterThan(0));
    }

    [Test]
    public void Vectors_are_scored_or_refused()
    {
        var scores = Mutations(10_000, 4, [.. Vectors.Select(Encoding.UTF8.GetBytes)]).Select(bytes => CvssScore.FromVector(Encoding.Latin1.GetString(bytes))).ToArray();
        Assert.That(scores.OfType<CvssScore>().Select(score => score.Base), Is.All.InRange(0m, 10m));
        Assert.That(scores, Has.Some.Not.Null);
        Assert.That(scores, Has.Some.Null);
    }

    // Flipped, dropped, repeated and moved bytes, from a fixed seed.
    private static IEnumerable<byte[]> Mutations(int count, int seed, byte[][] originals)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var bytes = originals[random.Next(originals.Length)].ToList();
            for (var changes = random.Next(1, 5); changes > 0 && bytes.Count > 0; changes--)
            {
                var at = random.Next(bytes.Count);
                var length = Math.Min(random.Next(1, 8), bytes.Count - at);
                switch (random.Next(5))
                {
                    case 0:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes.RemoveRange(at, length);
                        break;
                    case 2:
                        bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                        break;
                    case 3:
                        bytes[at] = "0129.-_+!\"\\{}[]:,avz/*"u8[random.Next(22)];
                        break;
                    default:
                        bytes.RemoveRange(at, random.Next(bytes.Count - at));
                        break;
                }
            }

            yield return [.. bytes];
        }
    }
}
