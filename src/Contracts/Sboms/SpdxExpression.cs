using System.Text.RegularExpressions;

namespace EnvPlatform.Contracts.Sboms;

/// <summary>
/// Licence expressions of SPDX 2.3 (annex D): packages declare licences as free text, of which only some is one.
/// </summary>
public static partial class SpdxExpression
{
    private const int Deepest = 20;

    /// <summary>The identifiers of licences, as SPDX spells them.</summary>
    public static IReadOnlyCollection<string> Licenses => SpdxIdentifiers.Licenses.Values;

    /// <summary>The expression with its identifiers spelt as SPDX does; null where the text is none.</summary>
    public static string? Read(string? license)
    {
        if (string.IsNullOrWhiteSpace(license) || license.Length > 1_000)
        {
            return null;
        }

        var tokens = Token().Matches(license).Select(match => match.Value).ToArray();
        var at = 0;
        var read = string.Concat(tokens).Length == license.Count(character => !char.IsWhiteSpace(character))
            ? Any(tokens, ref at, 0) : null;
        return at == tokens.Length ? read : null;
    }

    /// <summary>The licences of an expression that have a text of their own, which a document must define.</summary>
    public static IEnumerable<string> ReferencesIn(string expression) =>
        Token().Matches(expression).Select(match => match.Value)
            .Where(token => token.StartsWith("LicenseRef-", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal);

    private static string? Any(string[] tokens, ref int at, int depth) => Several(tokens, ref at, depth, "OR");

    private static string? Several(string[] tokens, ref int at, int depth, string between)
    {
        var left = between == "OR" ? Several(tokens, ref at, depth, "AND") : One(tokens, ref at, depth);
        while (left is not null && Is(tokens, at, between))
        {
            at++;
            var right = between == "OR" ? Several(tokens, ref at, depth, "AND") : One(tokens, ref at, depth);
            left = right is null ? null : $"{left} {between} {right}";
        }

        return left;
    }

    private static string? One(string[] tokens, ref int at, int depth)
    {
        if (at >= tokens.Length || depth > Deepest)
        {
            return null;
        }

        var token = tokens[at++];
        if (token == "(")
        {
            var inner = Any(tokens, ref at, depth + 1);
            return inner is not null && Is(tokens, at++, ")") ? $"({inner})" : null;
        }

        var later = token.EndsWith('+');
        var license = token.StartsWith("LicenseRef-", StringComparison.Ordinal) && token.Length > "LicenseRef-".Length && !later
            ? token : SpdxIdentifiers.Licenses.GetValueOrDefault(later ? token[..^1] : token);
        if (license is null)
        {
            return null;
        }

        license += later ? "+" : "";
        if (!Is(tokens, at, "WITH"))
        {
            return license;
        }

        at += 2;
        return at <= tokens.Length && SpdxIdentifiers.Exceptions.TryGetValue(tokens[at - 1], out var exception)
            ? $"{license} WITH {exception}" : null;
    }

    /// <summary>Lower-case operators are common, and no identifier is called so.</summary>
    private static bool Is(string[] tokens, int at, string word) =>
        at < tokens.Length && string.Equals(tokens[at], word, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("""[()]|[A-Za-z0-9.+-]+""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Token();
}
