using System.IO.Compression;
using System.Text;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>The sources of inputs: a few built-in originals, and real ones from the data folder where there is one.</summary>
internal sealed class FuzzCorpus
{
    private const int MostOfAKind = 2_000;

    // Larger records would take the time of many small ones.
    private const int LargestRecord = 4_000;

    private FuzzCorpus()
    {
    }

    public List<string> Versions { get; } =
    [
        "1.0", "1!2.0.post1.dev3+local.1", "1.1.1zd", "2024.01.02-rc1", "3.0.0-alpha.1+b", "1.0_1", "0.9.8", "99999999999999999999.1",
        "v1.2b3", "1.1.1-beta2", "9.3p2", "9e", "1.2.3-4",
    ];

    public List<string> Vectors { get; } =
    [
        "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:POC/RL:OF/RC:C", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:P/MAV:N",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:H/SI:N/SA:N/MSI:S/U:Red",
    ];

    public List<string> Cpes { get; } =
        [
            @"cpe:2.3:a:openssl:openssl:1.0.2:beta1:*:*:*:*:*:*", @"cpe:2.3:o:microsoft:windows_10:-:*:*:*:*:*:x64:*",
            @"cpe:2.3:a:big\$money:foo\!\\bar:1.3.*:*:*:*:lts:node.js:*:*"
        ];

    public List<string> Purls { get; } =
        [
            "pkg:conda/openssl@1.1.1k?build=h1_0&channel=main&subdir=linux-64", "pkg:pypi/Django@1.11.1", "pkg:conda/caf%C3%A9@1%2B2#x/y",
            "pkg:conda/a@b@c?build=", "urn:uuid:1"
        ];

    public List<string> Osv { get; } =
    [
        Bytes("""
        {"schema_version":"1.7.0","id":"GHSA-1","modified":"2024-03-02T01:02:03Z","published":"2024-03-01T00:00:00Z","aliases":["CVE-2024-1","\u00e9\ud83d\ude00"],
        "summary":"s","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"HIGH"},
        "affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":["1.0","1.1rc1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2"},{"last_affected":"2.1"}]}]}]}
        """),
        Bytes("""{"id":"RSEC-1","modified":"2024-03-02T01:02:03+02:00","withdrawn":"2024-04-01T00:00:00","affected":[{"package":{"ecosystem":"CRAN","name":"y","purl":"pkg:cran/y"},"ranges":[{"type":"SEMVER","events":[{"introduced":"1-2"},{"limit":"*"}]},{"type":"GIT","repo":"r","events":[{"introduced":"0"}]}]}]}"""),
        Bytes("""{"id":"CURL-CVE-2024-1","modified":"2024-03-02T01:02:03Z","affected":[{"ranges":[{"type":"SEMVER","events":[{"introduced":"7.1"},{"fixed":"8.2.0"}]},{"type":"GIT","repo":"https://github.com/curl/curl.git","events":[{"introduced":"a"}]}],"versions":["8.1.2","curl-7_88_1"]}]}"""),
    ];

    public List<string> Nvd { get; } =
    [
        Bytes("""
        {"cve":{"id":"CVE-2024-1234","published":"2024-01-02T03:04:05.678","lastModified":"2024-02-03T04:05:06.789","vulnStatus":"Analyzed","cisaExploitAdd":"2024-01-09",
        "descriptions":[{"lang":"en","value":"A \u00e9 flaw."}],"metrics":{"cvssMetricV31":[{"type":"Primary","cvssData":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
        "cvssMetricV2":[{"type":"Secondary","cvssData":{"vectorString":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}}]},"configurations":[{"operator":"AND","nodes":[{"operator":"OR","negate":false,"cpeMatch":[
        {"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:*:*:*:*:*:*:*:*","versionStartIncluding":"1.1.1","versionEndExcluding":"1.1.1k"},
        {"vulnerable":true,"criteria":"cpe:2.3:a:oracle:jdk:1.8.0:update_402:*:*:*:*:*:*"},{"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:1.0.2:beta1:*:*:*:*:*:*"}]},
        {"operator":"OR","cpeMatch":[{"vulnerable":false,"criteria":"cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*"}]}]}]}}
        """),
    ];

    public List<string> Kev { get; } =
        [
            Bytes("""{"title":"t","vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","x":1},{"cveID":"CVE-2020-1234567","dateAdded":"2022-01-31"}]}""")
        ];

    public List<string> Epss { get; } = ["#model_version:v2025.03.14,score_date:2026-08-22T00:00:00Z\ncve,epss,percentile\n"
        + "CVE-2021-44228,0.94358,0.99958\nCVE-2002-0367,1e-05,0.1\n"];

    public List<string> OpenVex { get; } =
    [
        Bytes("""
        {"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:uuid:2","author":"a","timestamp":"2024-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2024-1","aliases":["GHSA-1"]},
        "products":[{"@id":"pkg:conda/openssl@1.1.1k?build=h1_0","identifiers":{"purl":"pkg:conda/openssl@1.1.1k?build=h1_0"}},{"@id":"urn:uuid:1"}],"status":"not_affected","justification":"inline_mitigations_already_exist","impact_statement":"\ud83d\ude00 no"},
        {"vulnerability":"CVE-2024-2","products":["pkg:pypi/django"],"status":"under_investigation","status_notes":"disputed: so they say","timestamp":"2024-01-01T00:00:00+02:00"}]}
        """),
    ];

    public List<string> CycloneDx { get; } =
    [
        Bytes("""
        {"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2024-01-01T00:00:00Z","component":{"type":"platform","bom-ref":"urn:uuid:1","name":"o"}},"components":[{"bom-ref":"1","name":"openssl","purl":"pkg:conda/openssl@1.1.1k"}],
        "vulnerabilities":[{"id":"CVE-2024-1","references":[{"id":"GHSA-1"}],"analysis":{"state":"not_affected","justification":"protected_by_mitigating_control","detail":"d","lastUpdated":"2024-01-01T00:00:00Z"},
        "affects":[{"ref":"1","versions":[{"version":"1.0","status":"affected"},{"range":"vers:generic/*"}]},{"ref":"urn:cdx:x/1#pkg:pypi%2Fdjango"}]},{"id":"CVE-2024-3","analysis":{"state":"in_triage","detail":"disputed: x"},"affects":[{"ref":"urn:uuid:1"}]}]}
        """),
    ];

    public List<string> Parselmouth { get; } =
    [
        """{"numpy":["numpy"],"zstd":null,"ray-core":["ray","yarl"],"cvxpy-base":["cvxpy","unknown"],"_x86_64-microarch-level":null,"libopencv":["opencv-python"]}"""
    ];

    public List<string> Repodata { get; } =
    [
        """
        {"info":{"subdir":"linux-64"},"removed":["b-1-0.conda"],"packages":{"a-1.0-0.tar.bz2":{"name":"a","version":"1.0","build":"0","build_number":0,
        "depends":["b >=1,<2"],"constrains":["c <3"],"track_features":"x","md5":"0"}},"packages.conda":{"b-1.2-h_1.conda":{"build":"h_1",
        "build_number":1,"depends":[],"name":"b","version":"1.2","size":7}},"repodata_version":1}
        """
    ];

    public List<string> Grayskull { get; } = ["# By hand.\ntorch:\n  conda_forge: pytorch\n"
        + "  import_name: torch\n\n\"opencv-python\": # quoted\n    import_name: cv2\n    conda_forge: 'opencv'\n"];

    /// <param name="folder">The folder of real data; null for what is built in alone.</param>
    public static FuzzCorpus Read(string? folder)
    {
        var corpus = new FuzzCorpus();
        if (folder is null || !Directory.Exists(folder))
        {
            return corpus;
        }

        foreach (var oracle in (string[])["conda-version-order.tsv", "pep440-order.tsv"])
        {
            corpus.Versions.AddRange(Sample(Lines(folder, "oracles", oracle).Skip(1).Select(line => line.Split('\t')[0])));
        }

        corpus.Vectors.AddRange(Sample(Lines(folder, "oracles", "cvss-vectors.tsv").Skip(1).Select(line => line.Split('\t')[1])));
        foreach (var feed in (string[])["pypa-osv.zip", "cran-osv.zip", "osv-samples.zip"])
        {
            corpus.Osv.AddRange(Sample(Records(Path.Combine(folder, "advisories", feed))));
        }

        corpus.Nvd.AddRange(
            Sample(Lines(folder, "advisories", "nvd-cve-samples.jsonl").Where(line => line.Length <= LargestRecord).Select(Bytes)));
        return corpus;
    }

    /// <summary>The same text as bytes of UTF-8, a character each.</summary>
    public static string Bytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static IEnumerable<string> Lines(string folder, params string[] path)
    {
        var file = Path.Combine([folder, .. path]);
        return File.Exists(file) ? File.ReadLines(file) : [];
    }

    private static IEnumerable<string> Records(string file)
    {
        if (!File.Exists(file))
        {
            yield break;
        }

        using var archive = ZipFile.OpenRead(file);
        foreach (var entry in archive.Entries.Where(entry => entry.Length is > 0 and <= LargestRecord))
        {
            using var record = new MemoryStream();
            using (var content = entry.Open())
            {
                content.CopyTo(record);
            }

            yield return Encoding.Latin1.GetString(record.ToArray());
        }
    }

    // Evenly distributed over the file, so that no source is left out.
    private static string[] Sample(IEnumerable<string> all)
    {
        var texts = all.Distinct(StringComparer.Ordinal).ToArray();
        var step = Math.Max(1, texts.Length / MostOfAKind);
        return [.. texts.Where((_, i) => i % step == 0)];
    }
}
