using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Curations.Vex;
using EnvPlatform.Scanner.Severities;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>Short texts with a grammar: CVSS vectors, CPE names, package URLs.</summary>
internal static class TextTargets
{
    private static readonly string[] CpePieces =
    [
        "a", "o", "openssl", "*", "-", "1.0", @"\:", @"\\", @"\*", "?", @"\!", "node.js", ":", "%", "A"
    ];
    private static readonly string[] PurlPieces =
    [
        "openssl", "/", "@", "1.0", "?", "build=", "&", "channel=main", "#", "%20", "%C3%A9", "%00", "py39_0", "é", "="
    ];

    public static FuzzTarget Cvss(FuzzCorpus corpus) => new(
        "cvss",
        random => random.Next(4) == 0 ? CvssGrammar.DrawVector(random) : Next(random, corpus.Vectors, () => CvssGrammar.DrawVector(random)),
        CheckCvss,
        [.. Repeated(["/", "AV:N/", ":", "A", "/E:X"], "CVSS:3.1/"), .. Repeated(["/", "AV:N/", "Au:"], "")]);

    public static FuzzTarget Cpe(FuzzCorpus corpus) => new(
        "cpe",
        random => Next(
            random, corpus.Cpes,
            () => "cpe:2.3:a:" + string.Join(':', Enumerable.Range(0, 10).Select(_ => HostileText.Of(random, CpePieces, 3)))),
        CheckCpe,
        [.. Repeated([":", "*", @"\", @"\\", "a", "a:"], "cpe:2.3:a:")]);

    public static FuzzTarget Purl(FuzzCorpus corpus) => new(
        "purl",
        random => Next(
            random, corpus.Purls, () => (random.Next(2) == 0 ? "pkg:conda/" : "pkg:pypi/") + HostileText.Of(random, PurlPieces, 8)),
        CheckPurl,
        [.. Repeated(["/", "@", "?", "&", "&a=b", "#", "%", "%41", "%C3%A9", "e\u0301", "\u0301", "a"], "pkg:conda/x?a=b"), .. Repeated(
            ["a", "%41", "/", "@"], "pkg:pypi/")]);

    private static string Next(Random random, List<string> corpus, Func<string> grammar) => random.Next(10) switch
    {
        0 => HostileText.Noise(random, ofBytes: false),
        < 4 => grammar(),
        < 6 => HostileText.Mutate(random, grammar(), corpus, ofBytes: false),
        _ => HostileText.Mutate(random, corpus[random.Next(corpus.Count)], corpus, ofBytes: false),
    };

    private static bool CheckCvss(string vector)
    {
        if (CvssScore.FromVector(vector) is not { } score)
        {
            return false;
        }

        foreach (var one in (decimal?[])[score.Base, score.Temporal, score.Environmental])
        {
            Require(one is not (< 0 or > 10) && (one ?? 0) * 10 % 1 == 0, "A score is 0.0 to 10.0 in tenths.");
        }

        Require(score.Temporal is not { } temporal || temporal <= score.Base, "A temporal score is never above the base score.");
        Require(score.Version is not (CvssVersion.V30 or CvssVersion.V31)
            || (score.Temporal is not null && score.Environmental is not null), "3.x has all three scores.");
        Require(score.Version != CvssVersion.V40 || (score.Temporal ?? score.Environmental) is null, "4.0 has one score.");
        Require(score.Vector == vector && CvssScore.FromVector(score.Vector) == score, "Read again it is the same score.");
        return true;
    }

    private static bool CheckCpe(string text)
    {
        if (!CpeName.TryParse(text, out var name))
        {
            return false;
        }

        foreach (var part in (string[])[
            name.Part, name.Vendor, name.Product, name.Version, name.Update, name.Edition, name.SoftwareEdition, name.TargetSoftware])
        {
            Require(part.Length > 0, "No component is empty.");
            Require(!part.AsSpan().ContainsAnyInRange('A', 'Z'), "Components are in lower case.");
        }

        return true;
    }

    private static bool CheckPurl(string url)
    {
        var product = PackageUrl.Read(url);
        Require(product.Scope is null != product.Problem is null, "There is a scope or a reason why not.");
        if (product.Scope is not { } scope)
        {
            return false;
        }

        Require(FuzzTargets.IsStorable(scope.Package) && FuzzTargets.IsStorable(scope.Version) && FuzzTargets.IsStorable(scope.Build),
            "What was read can be stored.");
        Require(PackageUrl.Read(PackageUrl.Write(scope).First()).Scope == scope, "Written and read again it is the same scope.");
        return true;
    }

    private static IEnumerable<HostileShape> Repeated(string[] pieces, string start) =>
        pieces.Select(piece => new HostileShape($"'{start}{piece}' repeated", n => start + FuzzTargets.Repeat(piece, n)));
}
