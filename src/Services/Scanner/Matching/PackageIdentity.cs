using System.Buffers;

namespace EnvPlatform.Scanner.Matching;

/// <summary>A project of an ecosystem, under the name that its advisories use, normalised as that ecosystem does.</summary>
/// <param name="Ecosystem">
/// As OSV names it: <c>PyPI</c>, <c>CRAN</c>, <c>Bioconductor</c>; <c>conda</c> for projects without another ecosystem.
/// </param>
public readonly record struct PackageIdentity(string Ecosystem, string Name)
{
    private static readonly SearchValues<char> Separators = SearchValues.Create("-_.");

    public static PackageIdentity Of(string ecosystem, string name) => new(ecosystem, Normalize(ecosystem, name));

    public override string ToString() => $"{Ecosystem}:{Name}";

    /// <summary>
    /// PyPI: PEP 503, lower case and one dash for each run of dashes, dots and underscores. R: lower case, since conda's name
    /// is (two CRAN names never differ by case alone). conda: lower case.
    /// </summary>
    public static string Normalize(string ecosystem, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (IsNormal(ecosystem, name))
        {
            return name;
        }

        var buffer = new char[name.Length];
        return new string(buffer, 0, Normalize(ecosystem, name, buffer));
    }

    /// <summary>Writes the normalised name, which is never longer, and returns its length.</summary>
    internal static int Normalize(string ecosystem, ReadOnlySpan<char> name, Span<char> target)
    {
        if (ecosystem != Ecosystems.PyPI)
        {
            return name.ToLowerInvariant(target);
        }

        var length = 0;
        var inRun = false;
        foreach (var c in name)
        {
            var isSeparator = Separators.Contains(c);
            if (!isSeparator)
            {
                target[length++] = char.ToLowerInvariant(c);
            }
            else if (!inRun)
            {
                target[length++] = '-';
            }

            inRun = isSeparator;
        }

        return length;
    }

    internal static bool IsNormal(string ecosystem, ReadOnlySpan<char> name)
    {
        var isPyPI = ecosystem == Ecosystems.PyPI;
        var previous = '\0';
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-' && (isPyPI || c is not ('_' or '.')))
            {
                return false;
            }

            if (isPyPI && c == '-' && previous == '-')
            {
                return false;
            }

            previous = c;
        }

        return true;
    }
}

/// <summary>The ecosystems that conda packages come from, as OSV spells them.</summary>
public static class Ecosystems
{
    public const string PyPI = "PyPI";
    public const string Cran = "CRAN";
    public const string Bioconductor = "Bioconductor";
    public const string Conda = "conda";

    /// <summary>
    /// Not an ecosystem: the native projects that the National Vulnerability Database knows by the table of products, where all of it was
    /// imported.
    /// </summary>
    public const string Nvd = "NVD";

    /// <summary>
    /// The ecosystem without the release that OSV may append (<c>Bioconductor:3.18</c>); null when nothing in conda comes from it.
    /// </summary>
    public static string? Known(string ecosystem)
    {
        ArgumentNullException.ThrowIfNull(ecosystem);
        var colon = ecosystem.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? ecosystem : ecosystem[..colon];
        return name switch
        {
            PyPI => PyPI,
            Cran => Cran,
            Bioconductor => Bioconductor,
            Conda => Conda,
            _ => null,
        };
    }
}
