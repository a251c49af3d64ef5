namespace EnvPlatform.Policy.Decisions;

/// <summary>What is left out for a time.</summary>
internal static class Exceptions
{
    /// <summary>The exception that leaves out what a rule matches, the one that holds longest; null where none does.</summary>
    /// <param name="package">Null for a rule about environments, and where the packages are not known.</param>
    public static ExceptionFacts? Covering(
        IReadOnlyList<ExceptionFacts> exceptions, string policy, PackageFacts? package, FindingFacts? finding, DateTimeOffset now)
    {
        ExceptionFacts? longest = null;
        foreach (var exception in exceptions)
        {
            if (exception.ExpiresAt > now && Covers(exception, policy, package, finding)
                && (longest is null || exception.ExpiresAt > longest.ExpiresAt
                    || (exception.ExpiresAt == longest.ExpiresAt && exception.Id.CompareTo(longest.Id) > 0)))
            {
                longest = exception;
            }
        }

        return longest;
    }

    // What is not known is not left out.
    private static bool Covers(ExceptionFacts exception, string policy, PackageFacts? package, FindingFacts? finding) =>
        (exception.Policy is null || exception.Policy == policy)
        && (exception.Vulnerability is not { } id || (finding is not null && IsOf(id, finding)))
        && (exception.Package is not { } spec || (package is not null && PackageFit.Of(spec, package) == Answer.Yes));

    private static bool IsOf(string id, FindingFacts finding) =>
        Conditions.IsSame(finding.Id, id) || finding.Aliases.Any(alias => Conditions.IsSame(alias, id));
}
