using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace EnvPlatform.Contracts.Sboms;

/// <summary>
/// Licences as packages declare them, read as expressions of SPDX. Where a text leaves open which licence it is (BSD without the number of
/// clauses, Apache without a version, names with commas between them), it is none that is known.
/// </summary>
/// <remarks>
/// The spellings are those of recipes of conda (docs/policies.md names the collections that were counted), of R (Writing R Extensions,
/// 1.1.2) and of the classifiers of PyPI. A licence of GNU of which no version is named may be taken in any version, by its own terms.
/// </remarks>
public static partial class DeclaredLicense
{
    private const int Longest = 1_000;

    /// <summary>What R says of a licence whose text is in a file of the package: nobody has read it.</summary>
    private const string InFile = "LicenseRef-file-LICENSE";

    /// <summary>An expression whose identifiers are those that SPDX uses now; null where the text says none that is known.</summary>
    public static string? Read(string? declared)
    {
        if (string.IsNullOrWhiteSpace(declared) || declared.Length > Longest)
        {
            return null;
        }

        if (SpdxExpression.Read(declared) is { } expression)
        {
            return Current(expression);
        }

        var text = Space().Replace(InParentheses().Replace(declared, ""), " ").Trim();
        return Spelled(text) ?? Several(text, Or(), " OR ") ?? Several(text, And(), " AND ");
    }

    /// <summary>The expression with the identifiers that SPDX has replaced written as they are now.</summary>
    public static string Current(string expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        return Identifier().Replace(expression, match => Replaced.GetValueOrDefault(match.Value, match.Value));
    }

    private static string? Several(string text, Regex between, string word)
    {
        var parts = between.Split(text);
        if (parts.Length < 2)
        {
            return null;
        }

        var read = Array.ConvertAll(parts, part => Part(part.Trim()));
        return Array.TrueForAll(read, one => one is not null) ? string.Join(word, read.Distinct(StringComparer.Ordinal)) : null;
    }

    private static string? Part(string text)
    {
        if (InAFile().IsMatch(text))
        {
            return InFile;
        }

        var named = InParentheses().Replace(text, "");
        var one = SpdxExpression.Read(named) is { } expression ? Current(expression) : Spelled(named) ?? Several(named, And(), " AND ");
        return one?.Contains(" OR ", StringComparison.Ordinal) == true ? $"({one})" : one;
    }

    private static string? Spelled(string text)
    {
        var folded = Fold(AndAFile().Replace(text, ""));
        return Spellings.GetValueOrDefault(folded) ?? (Gnu().Match(folded) is { Success: true } match ? OfGnu(match) : null)
            ?? (Identifiers.GetValueOrDefault(folded) is { } identifier ? Current(identifier) : null);
    }

    private static string? OfGnu(Match match)
    {
        var family = match.Groups["family"].Value;
        var name = family.Contains("affero", StringComparison.Ordinal) || family.StartsWith("agpl", StringComparison.Ordinal) ? "AGPL"
            : family is ['l', ..] ? "LGPL" : "GPL";
        var version = match.Groups["version"].Value;
        if (version.Length == 0)
        {
            return name switch { "GPL" => "GPL-1.0-or-later", "LGPL" => "LGPL-2.0-or-later", _ => "AGPL-1.0-or-later" };
        }

        var isLater = match.Groups["later"].Value.Length > 0 || match.Groups["relation"].Value.StartsWith('>');
        var identifier = $"{name}-{(version.Contains('.', StringComparison.Ordinal) ? version : version + ".0")}"
            + (isLater ? "-or-later" : "-only");
        return SpdxIdentifiers.Licenses.GetValueOrDefault(identifier);
    }

    /// <summary>What differs between spellings of the same: case, hyphens, "the", "license", "version", a version's last ".0".</summary>
    private static string Fold(string text)
    {
        var folded = Punctuation().Replace(text.ToLowerInvariant(), " ");
        folded = Filler().Replace(folded, " ");
        folded = BeforeNumber().Replace(folded, " ");
        folded = Zero().Replace(folded, "");
        return Space().Replace(folded, " ").Trim();
    }

    private static readonly FrozenDictionary<string, string> Spellings = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["expat"] = "MIT",
        ["mit x 11"] = "MIT",
        ["x 11 mit"] = "MIT",
        ["mit software"] = "MIT",
        ["bsd 3"] = "BSD-3-Clause",
        ["3 clause bsd"] = "BSD-3-Clause",
        ["three clause bsd"] = "BSD-3-Clause",
        ["new bsd"] = "BSD-3-Clause",
        ["bsd new"] = "BSD-3-Clause",
        ["modified bsd"] = "BSD-3-Clause",
        ["revised bsd"] = "BSD-3-Clause",
        ["modified bsd 3 clause"] = "BSD-3-Clause",
        ["new bsd 3 clause"] = "BSD-3-Clause",
        ["bsd 3 clause new or revised"] = "BSD-3-Clause",
        ["bsd 2"] = "BSD-2-Clause",
        ["2 clause bsd"] = "BSD-2-Clause",
        ["two clause bsd"] = "BSD-2-Clause",
        ["simplified bsd"] = "BSD-2-Clause",
        ["bsd simplified"] = "BSD-2-Clause",
        ["freebsd"] = "BSD-2-Clause",
        ["bsd 2 clause simplified"] = "BSD-2-Clause",
        ["apache 2"] = "Apache-2.0",
        ["apache == 2"] = "Apache-2.0",
        ["apache >= 2"] = "Apache-2.0",
        ["apache software 2"] = "Apache-2.0",
        ["asl 2"] = "Apache-2.0",
        ["psf"] = "PSF-2.0",
        ["psf 2"] = "PSF-2.0",
        ["python software foundation"] = "PSF-2.0",
        ["mozilla public 2"] = "MPL-2.0",
        ["mozilla public 2 mpl 2"] = "MPL-2.0",
        ["mozilla public 1.1"] = "MPL-1.1",
        ["isc iscl"] = "ISC",
        ["boost"] = "BSL-1.0",
        ["boost 1"] = "BSL-1.0",
        ["boost software"] = "BSL-1.0",
        ["boost software 1"] = "BSL-1.0",
        ["boost software 1 bsl 1"] = "BSL-1.0",
        ["cc 0"] = "CC0-1.0",
        ["creative commons zero 1 universal"] = "CC0-1.0",
        ["creative commons attribution 4 international public"] = "CC-BY-4.0",
        ["cc by 4"] = "CC-BY-4.0",
        ["eclipse public 1"] = "EPL-1.0",
        ["eclipse public 2"] = "EPL-2.0",
        ["common public 1"] = "CPL-1.0",
        ["academic free 3"] = "AFL-3.0",
        ["apple public source 2"] = "APSL-2.0",
        ["zope public 2.1"] = "ZPL-2.1",
        ["university of illinois ncsa open source"] = "NCSA",
        ["freetype"] = "FTL",
        ["freetype project"] = "FTL",
        ["dwtfywtpl"] = "WTFPL",
        ["do what the fuck you want to public"] = "WTFPL",
        ["european union public 1.2"] = "EUPL-1.2",
        ["european union public 1.1"] = "EUPL-1.1",
        ["universal permissive 1"] = "UPL-1.0",
        ["zero clause bsd"] = "0BSD",
        ["mit no attribution"] = "MIT-0",
        ["mulan permissive 2"] = "MulanPSL-2.0",
        ["proprietary"] = "LicenseRef-Proprietary",
        ["other proprietary"] = "LicenseRef-Proprietary",
        ["commercial"] = "LicenseRef-Proprietary",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The identifiers in any punctuation; those that would be the same are none.</summary>
    private static readonly FrozenDictionary<string, string> Identifiers = SpdxIdentifiers.Licenses.Values
        .GroupBy(Fold, StringComparer.Ordinal).Where(same => same.Count() == 1)
        .ToFrozenDictionary(same => same.Key, same => same.First(), StringComparer.Ordinal);

    /// <summary>https://spdx.org/licenses, "Deprecated License Identifiers".</summary>
    private static readonly FrozenDictionary<string, string> Replaced = new[] { "GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1",
            "LGPL-3.0", "AGPL-1.0", "AGPL-3.0", "GFDL-1.1", "GFDL-1.2", "GFDL-1.3" }
        .SelectMany(identifier => new[] { (identifier, identifier + "-only"), (identifier + "+", identifier + "-or-later") })
        .Concat([
            ("GPL-2.0-with-autoconf-exception", "GPL-2.0-only WITH Autoconf-exception-2.0"),
            ("GPL-2.0-with-bison-exception", "GPL-2.0-only WITH Bison-exception-2.2"),
            ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
            ("GPL-2.0-with-font-exception", "GPL-2.0-only WITH Font-exception-2.0"),
            ("GPL-2.0-with-GCC-exception", "GPL-2.0-only WITH GCC-exception-2.0"),
            ("GPL-3.0-with-autoconf-exception", "GPL-3.0-only WITH Autoconf-exception-3.0"),
            ("GPL-3.0-with-GCC-exception", "GPL-3.0-only WITH GCC-exception-3.1"),
            ("eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
            ("wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
            ("BSD-2-Clause-FreeBSD", "BSD-2-Clause"),
            ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
            ("bzip2-1.0.5", "bzip2-1.0.6"),
            ("StandardML-NJ", "SMLNJ"),
        ]).ToFrozenDictionary(pair => pair.Item1, pair => pair.Item2, StringComparer.Ordinal);

    private const int Patience = 30_000;

    /// <summary>An address, or a licence of GNU whose name comes once more.</summary>
    [GeneratedRegex(@"\s*\((?:https?://[^)]*|(?<=public licen[cs]e[^()]*\()[AL]?GPL ?v?[0-9.]*\+?)\)\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patience)]
    private static partial Regex InParentheses();

    [GeneratedRegex(@"\s*\|\s*|\s+or\s+(?!later\b|newer\b|above\b|lesser\b|revised\b)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Or();

    [GeneratedRegex(@"\s+and\s+(?!later\b|newer\b|above\b)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patience)]
    private static partial Regex And();

    [GeneratedRegex(@"\s*\+\s*file\s+LICEN[CS]E\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patience)]
    private static partial Regex AndAFile();

    [GeneratedRegex(@"^file\s+LICEN[CS]E\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patience)]
    private static partial Regex InAFile();

    [GeneratedRegex(@"[\s,_\-():/'""]+", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"\b(?:the|gnu|licen[cs]e|licensed|version)\b", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Filler();

    /// <summary>Between a word and its number: <c>gplv2</c>, <c>gpl2</c>, <c>v.2</c>, <c>>=2</c>.</summary>
    [GeneratedRegex(@"(?:(?<=[a-z])v|\bv)\.?\s*(?=[0-9])|(?<=[a-z=])(?=[0-9])", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex BeforeNumber();

    [GeneratedRegex(@"(?<=[0-9])\.0(?![0-9.])", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Zero();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Space();

    [GeneratedRegex("[A-Za-z0-9.+-]+", RegexOptions.CultureInvariant, Patience)]
    private static partial Regex Identifier();

    [GeneratedRegex(
        """
        ^(?<family>gpl|general\ public|public\ gpl|lgpl|lesser\ gpl|lesser\ general\ public|library\ general\ public|
        library\ or\ lesser\ general\ public|agpl|affero\ gpl|affero\ general\ public)
        (?:\ (?<relation>>=|==)?\ ?(?<version>[0-9](?:\.[0-9])?)(?<later>\+|\ or\ (?:later|newer|above)|\ and\ later)?)?$
        """, RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture, Patience)]
    private static partial Regex Gnu();
}
