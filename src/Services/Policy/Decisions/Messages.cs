using System.Globalization;
using System.Text;

using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What members read of a rule that holds.</summary>
internal static class Messages
{
    /// <param name="environment">Its name; null where it is not known.</param>
    /// <param name="names">Of what the rule matches.</param>
    /// <param name="status">What the rule decides.</param>
    public static string Of(
        PolicyDocument policy, PolicyRule rule, string? environment, MatchedNames names, EnvironmentStatus status, DateTimeOffset? deadline)
    {
        if (rule.Message is not { } message)
        {
            return Sentences.Of(rule);
        }

        var filled = new StringBuilder();
        var rest = message.AsSpan();
        for (int at; (at = rest.IndexOf('{')) >= 0;)
        {
            var end = rest.IndexOf('}');
            filled.Append(rest[..at]).Append(rest[(at + 1)..end] switch
            {
                "cve" => names.Vulnerabilities,
                "package" => names.Packages,
                "fix" => names.Fixes,
                "deadline" => DeadlineOf(status, deadline),
                "policy" => policy.Name,
                _ => environment ?? "this environment",
            });
            rest = rest[(end + 1)..];
        }

        return filled.Append(rest).ToString();
    }

    private static string DeadlineOf(EnvironmentStatus status, DateTimeOffset? deadline) =>
        deadline?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)
            ?? (status == EnvironmentStatus.Block ? "now" : "a time that is not set");
}

/// <summary>What a rule matches, for messages: the first of each, and how many more.</summary>
internal sealed record MatchedNames(string Vulnerabilities, string Packages, string Fixes)
{
    private const int MostNamed = 3;

    public static MatchedNames Of<T>(
        IReadOnlyCollection<T> matches, Func<T, string?> vulnerability, Func<T, string?> package, Func<T, string?> fix) => new(
        Named(matches.Select(vulnerability), "no vulnerability"), Named(matches.Select(package), "no package"),
        Named(matches.Select(fix), "no fix is known"));

    private static string Named(IEnumerable<string?> names, string none)
    {
        var all = names.OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return all.Length switch
        {
            0 => none,
            <= MostNamed => string.Join(", ", all),
            _ => string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", all[..MostNamed])} and {all.Length - MostNamed} more"),
        };
    }
}
