using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.Scanner.Advisories.Osv;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;
using EnvPlatform.Scanner.Scans;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>The table of libraries inside wheels: what it holds for, that it is complete, and that its document says the same.</summary>
public sealed class BundledLibrariesTests
{
    private static readonly BundledLibraries Table = BundledLibraries.BuiltIn;

    [TestCase("cryptography", "38.0.4", "conda-forge", "linux-64", "OpenSSL")]
    [TestCase("cryptography", "38.0.4", "conda-forge/label/gcc7", "win-64", "OpenSSL")]
    [TestCase("cryptography", "38.0.4", "https://conda.anaconda.org/conda-forge", "osx-arm64", "OpenSSL")]
    [TestCase("cryptography", "38.0.4", "pkgs/main", "linux-64", "OpenSSL")]
    [TestCase("cryptography", "38.0.4", null, null, "OpenSSL", Description = "it holds for every channel and platform of the rule")]
    [TestCase("cryptography", "38.0.4", "https://conda.example.net/own", "linux-64", null)]
    [TestCase("cryptography", "38.0.4", "bioconda", "linux-64", null, Description = "a known channel, of whose builds nothing is known")]
    [TestCase("pillow", "9.0.0", "conda-forge", "win-64", "libwebp")]
    [TestCase("pillow", "9.0.0", "pkgs/main", "win-64", null)]
    [TestCase("pillow", "9.0.0", null, "win-64", null, Description = "it may be of pkgs/main")]
    [TestCase("pillow", "9.0.0", null, "linux-64", "libwebp")]
    [TestCase("py-opencv", "4.8.0", "conda-forge", "linux-64", "libwebp")]
    [TestCase("py-opencv", "4.8.0", "conda-forge", "osx-64", null, Description = "built with OpenCV's own copy until 2025")]
    [TestCase("py-opencv", "4.8.0", "conda-forge", "win-64", null)]
    [TestCase("py-opencv", "4.8.0", "conda-forge", null, null)]
    [TestCase("py-opencv", "4.5.3", "pkgs/main", "linux-64", null)]
    [TestCase("py-opencv", "4.5.4", "pkgs/main", "linux-64", "libwebp")]
    [TestCase("imagecodecs", "2023.8.12", "conda-forge", "win-64", "libwebp")]
    [TestCase("pynacl", "1.5.0", "conda-forge", "linux-aarch64", "libsodium")]
    [TestCase("pynacl", "1.3.0", "conda-forge", "linux-64", null, Description = "built the libsodium of its source")]
    [TestCase("pynacl", "1.5.0", "conda-forge", "win-64", null, Description = "linked statically")]
    [TestCase("aiohttp", "3.8.4", "conda-forge", "linux-64", null, Description = "carries its llhttp in conda's build too")]
    public void A_rule_holds_for_builds_that_are_known_to_link_to_condas_own_package(
        string name, string version, string? channel, string? subdir, string? library)
    {
        var package = new InstalledPackage(PackageManager.Conda, name, version, "py39_0", channel);
        var rules = Of(package, subdir);
        Assert.That(rules.SingleOrDefault()?.Library, Is.EqualTo(library));
        Assert.That(Of(package, subdir), Is.SameAs(rules), "what was found is kept once for each combination of rules");
        Assert.That(Of(package with { Manager = PackageManager.PyPI, Channel = null, Build = null }, null), Is.Empty, "a wheel is a wheel");
    }

    [TestCase("PYSEC-2026-800", true)]
    [TestCase("PYSEC-2026-800,PYSEC-2026-1284", true)]
    [TestCase("PYSEC-2026-800,PYSEC-2026-9999", false, Description = "one record of the vulnerability is about something else")]
    [TestCase("PYSEC-2026-9999", false)]
    public void A_finding_is_provided_for_only_where_all_of_its_records_are_about_the_library(string records, bool isProvided)
    {
        var package = new InstalledPackage(PackageManager.Conda, "cryptography", "38.0.4", "py39_0", "conda-forge");
        Hit[] hits = [.. records.Split(',').Select(id => new Hit(
            new IndexedAdvisory(id, "CVE-2026-1", default, null), 0, "<39", [], false))];
        var finding = Finding.Of(hits, VersionScheme.Pep440, Of(package, "linux-64")).Single();
        Assert.That(finding.ProvidedBy, isProvided ? Is.EqualTo(new[] { "openssl" }) : Is.Null);
        Assert.That(finding.Library, isProvided ? Is.EqualTo("OpenSSL") : Is.Null);
    }

    [Test]
    public void Each_advisory_is_decided_once()
    {
        var listed = Table.Findings.SelectMany(group => group.Advisories)
            .Concat(Table.Rules.SelectMany(rule => rule.Advisories).Distinct(StringComparer.Ordinal)).ToArray();
        Assert.That(listed, Is.Unique);
        Assert.That(
            Table.Rules.SelectMany(rule => rule.Distributions.SelectMany(name => rule.Advisories.Select(id => (name, id)))), Is.Unique);
    }

    /// <summary>Every record of the feed that speaks of a library, or of something bundled, was looked at.</summary>
    [TestCase("pypa-osv.zip")]
    [TestCase("pypa-osv-2024-10.zip")]
    public void No_record_that_speaks_of_a_library_is_left_out(string feed)
    {
        var rules = Table.Rules.SelectMany(rule => rule.Advisories.Select(id => (Id: id, rule.Distributions)))
            .ToLookup(pair => pair.Id, pair => pair.Distributions, StringComparer.Ordinal);
        var decided = rules.Select(group => group.Key).Concat(Table.Findings.SelectMany(group => group.Advisories))
            .ToHashSet(StringComparer.Ordinal);
        var missing = new List<string>();
        var found = 0;
        using var stream = File.OpenRead(TestData.File("advisories", feed));
        foreach (var entry in OsvArchive.Read(stream))
        {
            using var json = JsonDocument.Parse(entry.Json);
            if (entry.Record is not OsvRecord.Valid { Advisory: { Withdrawn: null } advisory })
            {
                continue;
            }

            var text = Text(json.RootElement, "summary") + "\n" + Text(json.RootElement, "details");
            if (Speaks.IsMatch(text) && !decided.Contains(advisory.Id))
            {
                missing.Add(advisory.Id);
            }

            if (rules.Contains(advisory.Id))
            {
                found++;
                var named = advisory.Affected.Select(affected => affected.Identity?.Name).OfType<string>();
                Assert.That(
                    named.Except(rules[advisory.Id].SelectMany(names => names), StringComparer.Ordinal), Is.Empty,
                    $"{advisory.Id} is about another distribution than its rule");
            }
        }

        Assert.That(missing, Is.Empty, "look at each, and write down the decision");
        Assert.That(found, Is.GreaterThan(4));
    }

    [Test]
    public void The_document_says_what_the_table_says()
    {
        var path = Path.Combine(Root(), "docs", "bundled-libraries.md");
        var expected = Document();
        if (Environment.GetEnvironmentVariable("ENVPLATFORM_WRITE_DOCUMENTS") == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.That(File.ReadAllText(path), Is.EqualTo(expected), "write it anew with ENVPLATFORM_WRITE_DOCUMENTS=1");
    }

    private static BundledLibraries.Rule[] Of(in InstalledPackage package, string? subdir)
    {
        var mapping = ConventionMapping.BuiltIn;
        return Table.Of(package, mapping.Map(package), mapping.ChannelOf(package), subdir);
    }

    private static string? Text(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Document()
    {
        var text = new StringBuilder(
            """
            # Libraries inside wheels

            Some advisories about a Python distribution are about a native library that its wheels on PyPI carry. conda's build of the
            distribution links to conda's own package of that library, which is checked by itself. The table
            [bundled-libraries.json](../src/Services/Scanner/Mapping/bundled-libraries.json) lists such advisories, and
            [Curations](matching.md#the-platforms-own-curations) says what follows from it. This document is written from the table; a
            test compares the two, and another finds records of the PyPA database that speak of a library, or of something bundled, and
            are not listed here.

            An advisory that conda's build is not known to escape stays a finding: of a channel, a platform or a version that is not
            listed, of a build that carries the library too, or where the environment does not hold the conda package. A record of
            another database about the same flaw stays a finding until it is listed.

            ## Not affected where conda provides the library


            """.ReplaceLineEndings("\n"));
        foreach (var rule in Table.Rules)
        {
            text.Append($"### {rule.Library} in {string.Join(", ", rule.Distributions)}\n\n");
            text.Append("| | |\n|---|---|\n");
            text.Append($"| conda package | {string.Join(" or ", rule.ProvidedBy.Select(Code))} |\n");
            text.Append($"| advisories | {string.Join(", ", rule.Advisories.Select(Code))} |\n");
            text.Append($"| builds | {string.Join("; ", rule.Builds.Select(Build))} |\n");
            text.Append($"| why | {rule.Why} |\n");
            text.Append($"| how it is known | {string.Join(' ', rule.Source)} |\n\n");
        }

        text.Append("## Findings\n\n");
        foreach (var (decision, title) in Decisions)
        {
            text.Append($"### {title}\n\n| advisories | why |\n|---|---|\n");
            foreach (var group in Table.Findings.Where(group => group.Decision == decision))
            {
                text.Append($"| {string.Join(", ", group.Advisories.Select(Code))} | {string.Join(' ', group.Why)} |\n");
            }

            text.Append('\n');
        }

        Assert.That(Table.Findings.Select(group => group.Decision).Distinct(), Is.SubsetOf(Decisions.Select(one => one.Decision)));
        return text.ToString().TrimEnd('\n') + "\n";
    }

    private static readonly (string Decision, string Title)[] Decisions =
    [
        ("vendored", "conda's build carries it too"),
        ("condition", "It depends on more than the library"),
        ("own_project", "The distribution is the library, or its bindings"),
        ("own_code", "The flaw is in the distribution's own code"),
        ("no_library", "The text only mentions a library, or uses the word"),
    ];

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "EnvPlatform.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("The repository was not found.");
        }

        return folder;
    }

    private static string Code(string text) => $"`{text}`";

    private static string Build(BundledLibraries.Build build) =>
        string.Join(", ", build.Channels.Select(Code))
            + (build.Platforms is null ? "" : " on " + string.Join(" and ", build.Platforms))
            + (build.Since is null ? "" : $" since {build.Since}");

    private static readonly Regex Speaks = new(
        @"bundl|includes? (?:a )?(?:copy|vulnerable)|\bwheels?\b|statically[- ]link|static link|vendor(?:ed|s|ing)\b"
            + @"|embedded (?:copy|version|librar)|embeds|ships? with|shipped with|linked against"
            + @"|underlying (?:\w+ )?(?:C |C\+\+ |native )?librar|native librar|upstream librar"
            + @"|third[- ]party (?:librar|code|component|depend)"
            + @"|(?:outdated|vulnerable|old) (?:version of|versions of|copy of|third)|vulnerable dependency|transitive|openssl"
            + @"|libwebp|libjpeg|ffmpeg|libxml2|libxslt|\bexpat\b|libexpat|libcurl|libpng|libtiff|freetype|openjpeg|nghttp2|llhttp"
            + @"|http-parser|c-ares|\blibuv|boringssl|libarchive|giflib|jasper|openexr|libgit2|libssh|libpq|libpg_query|libsodium"
            + @"|harfbuzz|libvpx|libaom|zlib|sqlite|minizip|snappy|libyaml|\blz4\b|zstd|brotli|libav|libheif|libde265|dav1d"
            + @"|\bpoppler|mupdf|pdfium|\bqt\b|chromium|jackson|jquery|tinymce|dompurify|mathjax",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Compiled);
}
