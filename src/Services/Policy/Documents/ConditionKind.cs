using System.Globalization;
using System.Text.RegularExpressions;

using EnvPlatform.Conda;
using EnvPlatform.Contracts.Sboms;

namespace EnvPlatform.Policy.Documents;

/// <summary>What a condition is about.</summary>
internal enum Subject
{
    Environment, Package, Finding,
}

/// <summary>A kind of condition: its name, what it may say, and how it reads in a sentence.</summary>
/// <param name="Allowed">What may stand there, for people.</param>
/// <param name="Pattern">The form of each text; null where <paramref name="Words"/> lists them, or where it is true or false.</param>
/// <param name="Words">The texts that are allowed; null where a form says it.</param>
/// <param name="Is">Before the values in a sentence: <c>is under</c>.</param>
/// <param name="IsNot">The same where the condition is inverted.</param>
internal sealed record ConditionKind(
    string Name, Subject Subject, string Allowed, string? Pattern, IReadOnlyList<string>? Words, Func<string, Operand?> Read,
    string Is, string IsNot, int Longest = 300)
{
    /// <summary>Before the name of a condition that is inverted.</summary>
    public const string Not = "not_";

    private readonly Regex? _form =
        Pattern is null ? null : new(Pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture);

    private readonly HashSet<string>? _words = Words is null ? null : new(Words, StringComparer.Ordinal);

    /// <summary>Whether it is true or false, rather than texts.</summary>
    public bool IsFlag => Pattern is null && Words is null;

    /// <summary>Null where the text is not allowed.</summary>
    public Operand? Parse(string text) =>
        // Characters, as JSON Schema counts them: a surrogate pair is one.
        !IsFlag && text.EnumerateRunes().Count() <= Longest && text is not [.., '\n'] && (_form?.IsMatch(text) ?? _words!.Contains(text))
            ? Read(text) : null;
}

/// <summary>Every kind of condition, in the order of the canonical form.</summary>
internal static class ConditionKinds
{
    /// <summary>The value of <c>channel</c> for every channel that no group of the environment's owner was granted.</summary>
    public const string NotGranted = "not_granted";

    private const string SomeRelation = "\"<\", \"<=\", \">\", \">=\", \"==\" or \"!=\"";
    private const string SomeText = "one line of text of at most 200 characters";
    private const string SomeAge = "\"<\", \"<=\", \">\" or \">=\" and a number of hours, days or weeks: \"> 30d\"";

    public static IReadOnlyList<ConditionKind> All { get; } =
    [
        Of("cvss", Subject.Finding, SomeRelation + " and a score from 0 to 10: \">= 7\"", Forms.Cvss, Bound, "has a CVSS score of"),
        new("severity", Subject.Finding, "none, low, medium, high or critical, or a comparison with one: \">= high\"", Forms.Severity, null,
            ReadSeverity, "has the severity", "does not have the severity"),
        Of("epss", Subject.Finding, SomeRelation + " and a probability from 0 to 1: \">= 0.2\"", Forms.Epss, Bound,
            "has an EPSS probability of"),
        Flag("known_exploited", Subject.Finding, "is known to be exploited", "is not known to be exploited"),
        Words("status", Subject.Finding, ["active", "reported", "mitigated", "cleared", "disputed"], "is", "is not"),
        new("vulnerability", Subject.Finding, "the id of a vulnerability: CVE-2021-44228", Forms.Vulnerability, null,
            text => new Operand.Word(text), "is", "is not", 100),
        new("age", Subject.Finding, SomeAge, Forms.Age, null, ReadAge, "was published", "was not published"),
        Flag("fix_available", Subject.Finding, "has a fix", "has no fix"),
        new("package", Subject.Package, "a match specification of conda without brackets: \"openssl <3.0\", \"log4j*\"", Forms.MatchSpec,
            null, ReadPackages, "fits", "does not fit"),
        new("channel", Subject.Package, "the name of a channel, or not_granted", Forms.Channel, null, text => new Operand.Word(text),
            "comes from", "does not come from"),
        new("license", Subject.Package, "an SPDX identifier (MIT), or the beginning of several and an asterisk (GPL-*)", null, Licenses(),
            ReadLicense, "is under", "is not under"),
        Words("manager", Subject.Package, ["conda", "pypi"], "was installed by", "was not installed by"),
        Words("coverage", Subject.Package, ["checked", "not_checked", "not_applicable"], "is", "is not"),
        Words("platform", Subject.Environment,
            [
                "linux-32", "linux-64", "linux-aarch64", "linux-armv6l", "linux-armv7l", "linux-loong64", "linux-ppc", "linux-ppc64",
                "linux-ppc64le", "linux-riscv32", "linux-riscv64", "linux-s390x", "freebsd-64", "osx-64", "osx-arm64", "win-32", "win-64",
                "win-arm64", "emscripten-wasm32", "wasi-wasm32", "zos-z",
            ], "is for", "is not for"),
        new("name", Subject.Environment, SomeText + ", with asterisks for any characters: \"prod-*\"", Forms.Line, null,
            text => new Operand.Pattern(text), "is called", "is not called", 200),
        Named("owner", "belongs to", "does not belong to"),
        Named("group", "belongs to a member of", "does not belong to a member of"),
        Named("machine", "is on machine", "is not on machine"),
        new("log_age", Subject.Environment, SomeAge, Forms.Age, null, ReadAge, "was last logged", "was not last logged"),
    ];

    private static readonly Dictionary<string, (ConditionKind Kind, bool IsInverted)> ByName = All
        .SelectMany(kind => new[] { (kind.Name, (kind, false)), (ConditionKind.Not + kind.Name, (kind, true)) })
        .ToDictionary(pair => pair.Item1, pair => pair.Item2, StringComparer.Ordinal);

    public static (ConditionKind Kind, bool IsInverted)? Find(string name) => ByName.TryGetValue(name, out var found) ? found : null;

    private static ConditionKind Of(
        string name, Subject subject, string allowed, string pattern, Func<string, Operand?> read, string has) =>
        new(name, subject, allowed, pattern, null, read, has, has.Replace("has a", "does not have a", StringComparison.Ordinal));

    private static ConditionKind Flag(string name, Subject subject, string @is, string isNot) =>
        new(name, subject, "true or false", null, null, _ => null, @is, isNot);

    private static ConditionKind Words(string name, Subject subject, string[] words, string @is, string isNot) =>
        new(name, subject, string.Join(", ", words), null, words, text => new Operand.Word(text), @is, isNot);

    private static ConditionKind Named(string name, string @is, string isNot) =>
        new(name, Subject.Environment, SomeText, Forms.Line, null, text => new Operand.Word(text), @is, isNot, 200);

    private static Operand.Bound Bound(string text)
    {
        var (relation, number) = Relations.Read(text);
        // Without zeros at the end: 7.0 is 7.
        var value = decimal.Parse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        return new(relation, value / 1.0000000000000000000000000000m);
    }

    private static Operand.SeverityBound? ReadSeverity(string text)
    {
        var (relation, name) = Relations.Read(text);
        return Severities.Read(name) is { } severity ? new(relation, severity) : null;
    }

    private static Operand.AgeBound ReadAge(string text)
    {
        var (relation, duration) = Relations.Read(text);
        return new(relation, Duration.Read(duration));
    }

    private static Operand.Packages? ReadPackages(string text) => MatchSpec.ParsePattern(text) is { } spec ? new(spec) : null;

    private static Operand ReadLicense(string text) => text.EndsWith('*') ? new Operand.Pattern(text) : new Operand.Word(text);

    // Every identifier, and what several begin with up to a hyphen.
    private static string[] Licenses() =>
    [
        .. SpdxExpression.Licenses.Order(StringComparer.Ordinal),
        .. SpdxExpression.Licenses
            .SelectMany(id => Enumerable.Range(1, id.Length - 1).Where(at => id[at] == '-').Select(at => id[..(at + 1)] + "*"))
            .CountBy(begin => begin, StringComparer.Ordinal)
            .Where(pair => pair.Value > 1)
            .Select(pair => pair.Key)
            .Order(StringComparer.Ordinal),
    ];
}
