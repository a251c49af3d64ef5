using System.Globalization;
using System.Text.RegularExpressions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>
/// All versions that begin with a release, as conda's <c>python=3.11</c> and pip's <c>==3.11.*</c> mean: 3.11, 3.11.0, 3.11.9, not 3.110.
/// </summary>
/// <param name="Release">What they begin with, numbers alone: <c>3.11</c>; with conda's or PEP 440's epoch, if any.</param>
/// <param name="Next">The release after all of them: <c>3.12</c>. Its own pre-releases come before it and are not among them.</param>
public readonly partial record struct VersionPrefix(string Release, string Next)
{
    /// <summary>What <see cref="TryParse"/> takes, for the validation of requests.</summary>
    public const string Form = @"^([0-9]{1,9}!)?[0-9]{1,18}([._][0-9]{1,18}){0,9}\.\*$";

    /// <summary>Reads a release and <c>.*</c>.</summary>
    public static VersionPrefix? TryParse(string? text)
    {
        // The end of the form is also before a line feed.
        if (text is not [.., '*'] || !Valid().IsMatch(text))
        {
            return null;
        }

        var release = text[..^2];
        var last = release.AsSpan().LastIndexOfAnyExceptInRange('0', '9') + 1;
        var next = long.Parse(release.AsSpan(last), CultureInfo.InvariantCulture) + 1;
        return new(release, release[..last] + next.ToString(CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(Form, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Valid();
}
