using System.Globalization;
using System.Text;

using EnvPlatform.Contracts;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>What members read of a rule that holds.</summary>
internal static class Messages
{
    private const int MostNamed = 3;

    public static string Of(
        PolicyDocument policy, PolicyRule rule, EnvironmentFacts environment, IReadOnlyList<Match> matches, DateTimeOffset? deadline)
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
                "cve" => Named(matches.Select(match => match.Vulnerability), "no vulnerability"),
                "package" => Named(matches.Select(match => match.Package), "no package"),
                "fix" => Named(matches.Select(match => match.Fix), "no fix is known"),
                "deadline" => DeadlineOf(matches[0].Status, deadline),
                "policy" => policy.Name,
                _ => environment.Name ?? "this environment",
            });
            rest = rest[(end + 1)..];
        }

        return filled.Append(rest).ToString();
    }

    private static string DeadlineOf(EnvironmentStatus status, DateTimeOffset? deadline) =>
        deadline?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)
            ?? (status == EnvironmentStatus.Block ? "now" : "a time that is not set");

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
