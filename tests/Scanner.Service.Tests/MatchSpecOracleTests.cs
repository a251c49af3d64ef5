using System.Text.Json;

using EnvPlatform.Conda;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Specifications and packages that tests make: which fit, decided by conda's order here and by rattler.</summary>
public sealed class MatchSpecOracleTests
{
    private static readonly NodeScript Script = new("Scanner.Service.Tests/Solver", "match.js");

    // Few pieces, so that many versions are equal or differ in one place only.
    private static readonly string[] Segments =
        ["0", "1", "2", "3", "10", "01", "2a", "2b1", "1rc1", "1post", "1dev", "0a", "3alpha", "1post1", "dev", "20260101"];

    private static readonly string[] Operators = ["", "=", "==", "!=", "<", "<=", ">", ">=", "~="];

    private static readonly string[] Builds = ["h0_0", "h0_1", "py310_0", "py39h1_0", "0", "cuda_1"];

    private static readonly string[] BuildPatterns =
        ["h0_0", "h0_1", "py310_0", "0", "*", "h0*", "*_0", "py3*_0", "*cuda*", "py310*", "*py*"];

    private sealed record Pair(string Spec, string Version, string? Name = null, string? Build = null);

    [Test]
    public async Task Versions_fit_as_they_do_for_rattler()
    {
        var random = new Random(1);
        await CompareAsync([.. Enumerable.Range(0, 10_000).Select(_ =>
        {
            var version = Version(random);
            return new Pair(Versions(random, version), version);
        })], pair => VersionSpec.Parse(pair.Spec)?.Fits(pair.Version), 3_000);
    }

    [Test]
    public async Task Names_versions_and_builds_fit_as_they_do_for_rattler()
    {
        var random = new Random(2);
        await CompareAsync([.. Enumerable.Range(0, 1_000).Select(_ =>
        {
            var version = Version(random);
            var versions = random.Next(6) == 0 ? "*" : Versions(random, version);
            var pattern = random.GetItems(BuildPatterns, 1)[0];
            var spec = random.Next(3) switch
            {
                0 => $"pkg {versions} {pattern}",
                1 => $"pkg {versions.Replace(",", ", ", StringComparison.Ordinal).Replace("|", " | ", StringComparison.Ordinal)} {pattern}",
                _ => $"pkg={version}={pattern}",
            };
            return new Pair(spec, random.Next(3) == 0 ? Version(random) : version, "pkg", random.GetItems(Builds, 1)[0]);
        })], Fits, 150);
    }

    private static bool? Fits(Pair pair) =>
        MatchSpec.ParsePattern(pair.Spec) is { } spec ? spec.FitsName(pair.Name!) && spec.Fits(pair.Version, pair.Build) : null;

    private static async Task CompareAsync(Pair[] pairs, Func<Pair, bool?> ours, int atLeast)
    {
        var lines = await Script.RunAsync(string.Join('\n', pairs.Select(pair => JsonSerializer.Serialize(pair, Options))));
        var answers = lines.Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.That(answers, Has.Length.EqualTo(pairs.Length));
        var (fit, not, refused) = (0, 0, 0);
        var wrong = new List<string>();
        var explained = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (pair, answer) in pairs.Zip(answers))
        {
            bool? theirs = answer.ValueKind is JsonValueKind.True or JsonValueKind.False ? answer.GetBoolean() : null;
            var here = ours(pair);
            if (here == theirs)
            {
                _ = here switch { true => fit++, false => not++, null => refused++ };
            }
            else if (Explanation(pair) is { } explanation)
            {
                explained[explanation] = explained.GetValueOrDefault(explanation) + 1;
            }
            else
            {
                wrong.Add($"{pair.Spec} on {pair.Version} {pair.Build}: here {here}, rattler {answer}");
            }
        }

        TestContext.Out.WriteLine($"{fit} fit, {not} do not, {refused} are no specification for either");
        foreach (var (explanation, number) in explained)
        {
            TestContext.Out.WriteLine($"{number} differ: {explanation}");
        }

        Assert.That(wrong, Is.Empty, string.Join("\n", wrong.Take(60)));
        Assert.That((fit, not), Is.EqualTo((Math.Max(fit, atLeast), Math.Max(not, atLeast))), "too few of one kind");
    }

    /// <summary>Where rattler differs from conda itself, whose answer is the one here; null for what must not differ.</summary>
    private static string? Explanation(Pair pair) => pair.Spec.Split(',', '|').Any(condition => GoesOn(condition, pair.Version))
        ? "a segment goes on after what is asked for: conda's VersionOrder.startswith compares only as much as is asked for"
        : null;

    // =1.2 on 1.2rc1: the last segment of a prefix is the beginning of one.
    private static bool GoesOn(string condition, string version)
    {
        var isPrefix = condition.EndsWith(".*", StringComparison.Ordinal) || (condition[0] == '=' && condition[1] != '=');
        if (!isPrefix && !condition.StartsWith("~=", StringComparison.Ordinal))
        {
            return false;
        }

        var prefix = SegmentsOf(condition.TrimStart('=', '!', '~').TrimEnd('*').TrimEnd('.'));
        var whole = SegmentsOf(version);
        var last = isPrefix ? prefix.Length - 1 : prefix.Length - 2;
        return last >= 0 && last < whole.Length && whole[last].Length > prefix[last].Length
            && whole[last].StartsWith(prefix[last], StringComparison.Ordinal)
            && !(char.IsAsciiDigit(prefix[last][^1]) && char.IsAsciiDigit(whole[last][prefix[last].Length]));
    }

    // Without epoch, local part and leading zeros; with the zero that conda puts in front of letters.
    private static string[] SegmentsOf(string version) =>
    [
        .. version.Split('+')[0].Split('!')[^1].Split('.').Select(segment => segment.TrimStart('0'))
            .Select(segment => segment.Length > 0 && char.IsAsciiDigit(segment[0]) ? segment : "0" + segment),
    ];

    private static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    private static string Versions(Random random, string near) => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select((_, i) =>
        (i == 0 ? "" : random.Next(3) == 0 ? "|" : ",") + Condition(random, random.Next(4) > 0 ? Mutated(random, near) : Version(random))));

    private static string Condition(Random random, string version)
    {
        var op = random.GetItems(Operators, 1)[0];
        return op + version + (op is "" or "=" or "!=" ? random.Next(3) switch { 0 => ".*", _ => "" } : "");
    }

    private static string Version(Random random) =>
        (random.Next(12) == 0 ? "1!" : "") + string.Join('.', random.GetItems(Segments, random.Next(1, 5)))
        + (random.Next(15) == 0 ? "+" + random.Next(3) : "");

    // The same, a beginning of it, or another last segment.
    private static string Mutated(Random random, string version)
    {
        var plus = version.IndexOf('+', StringComparison.Ordinal);
        var body = plus < 0 ? version : version[..plus];
        var segments = body.Split('.');
        return random.Next(4) switch
        {
            0 => version,
            1 => string.Join('.', segments[..random.Next(1, segments.Length + 1)]),
            2 => string.Join('.', [.. segments[..^1], random.GetItems(Segments, 1)[0]]),
            _ => body + "." + random.GetItems(Segments, 1)[0],
        };
    }
}
