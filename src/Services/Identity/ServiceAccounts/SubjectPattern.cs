namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// Which jobs of a CI a trust is for, by the <c>sub</c> claim of their tokens: text in which <c>*</c> stands for any text, also none. What
/// stands before the first <c>*</c> must name the repository in full, with the separator behind it, or <c>acme/app*</c> would let in
/// <c>acme/app-of-somebody-else</c>: <c>repo:acme/app:ref:refs/heads/main</c> or <c>repo:acme/app:*</c> of GitHub Actions,
/// <c>project_path:acme/app:ref_type:branch:ref:*</c> of GitLab. Of other issuers it names at least two things by two words each
/// (<c>organization:acme:pipeline:app:*</c>, <c>org/123/project/456/*</c>).
/// </summary>
internal static class SubjectPattern
{
    public const int MaxLength = 500;
    private const int MaxStars = 5;
    private const int FixedParts = 4;
    private static readonly string[] OfRepositories = ["repo:", "project_path:"];

    /// <summary>Null when the pattern fixes enough; otherwise why not.</summary>
    public static string? Refuse(string pattern)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (pattern.Count(character => character == '*') > MaxStars)
        {
            return $"Has more than {MaxStars} '*'.";
        }

        if (OfRepositories.FirstOrDefault(prefix => pattern.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
        {
            return NamesRepository((star < 0 ? pattern : pattern[..star])[prefix.Length..])
                ? null
                : $"Must name the repository before any '*', like {prefix}acme/app:*.";
        }

        return star < 0 || (star > 0 && FixesTwoThings(pattern[..star]))
            ? null
            : "Must fix what the job belongs to before the first '*', like organization:acme:pipeline:app:*.";
    }

    /// <summary>Whether a subject is meant by a pattern. Takes a time proportional to the product of both lengths at most.</summary>
    public static bool Matches(string pattern, string subject)
    {
        var (p, s, star, mark) = (0, 0, -1, 0);
        while (s < subject.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, mark) = (p++, s);
            }
            else if (p < pattern.Length && pattern[p] == subject[s])
            {
                (p, s) = (p + 1, s + 1);
            }
            else if (star >= 0)
            {
                (p, s) = (star + 1, ++mark);
            }
            else
            {
                return false;
            }
        }

        return pattern.AsSpan(p).TrimStart('*').IsEmpty;
    }

    /// <param name="text">What follows the word, up to the first <c>*</c>: owner/name and a colon.</param>
    private static bool NamesRepository(string text)
    {
        var end = text.IndexOf(':', StringComparison.Ordinal);
        return end > 0 && text[..end].Split('/') is { Length: >= 2 } path && path.All(part => part.Length > 0);
    }

    private static bool FixesTwoThings(string text)
    {
        if (text[^1..] is not (":" or "/"))
        {
            return false;
        }

        return text[..^1].Split(text[^1]) is { Length: >= FixedParts } parts && parts.All(part => part.Trim().Length > 0);
    }
}
