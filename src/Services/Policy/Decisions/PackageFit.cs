using EnvPlatform.Conda;
using EnvPlatform.Contracts.Sboms;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Policy.Decisions;

/// <summary>Whether a match specification fits a package of which not everything may be known.</summary>
internal static class PackageFit
{
    public static Answer Of(MatchSpec spec, PackageFacts package)
    {
        if (!spec.FitsName(NameOf(package.Name, package.Manager)) && !spec.FitsName(package.Name))
        {
            return Answer.No;
        }

        var answers = new[]
        {
            spec.Channel is null ? Answer.Yes : Answers.Of(package.Channel is { } channel ? spec.FitsChannel(channel) : null),
            !spec.AsksForVersion ? Answer.Yes : Answers.Of(package.Version is { } version ? spec.FitsVersion(version) : null),
            !spec.AsksForBuild ? Answer.Yes
                : package.Manager == "pypi" ? Answer.No
                : Answers.Of(package.Build is { } build ? spec.FitsBuild(build) : null),
        };
        return answers.Min();
    }

    // PyPI's names are the same with hyphens, underscores and dots (PEP 503); conda's are not.
    private static string NameOf(string name, string? manager) =>
        manager == "pypi" ? name.Replace('_', '-').Replace('.', '-').ToLowerInvariant() : name.ToLowerInvariant();
}

/// <summary>Whether a licence is among those of an SPDX expression, as an alternative too.</summary>
internal static class LicenseFit
{
    private const string Reference = "LicenseRef-";

    public static Answer Of(Operand operand, string? expression)
    {
        if (expression is null)
        {
            return Answer.Unknown;
        }

        var answer = Answer.No;
        var isException = false;
        foreach (var token in expression.Split([' ', '(', ')'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (!isException && token is not ("AND" or "OR" or "WITH"))
            {
                var one = Fits(operand, token) || (token[^1] == '+' && Fits(operand, token[..^1])) ? Answer.Yes
                    : token.StartsWith(Reference, StringComparison.Ordinal) ? Answer.Unknown
                    : Answer.No;
                answer = one > answer ? one : answer;
            }

            isException = token == "WITH";
        }

        return answer;
    }

    private static bool Fits(Operand operand, string license) =>
        operand is Operand.Pattern pattern ? pattern.Fits(license)
            : operand.Text == license || DeclaredLicense.Current(operand.Text) == license;
}
