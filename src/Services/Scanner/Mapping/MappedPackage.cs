using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>What is known of the project that a package holds.</summary>
public enum MappingAnswer
{
    /// <summary>It is this project of this ecosystem.</summary>
    Project,

    /// <summary>No ecosystem with advisories has the project; one of the same name elsewhere is a different project.</summary>
    NoSuchProject,

    Unknown,

    /// <summary>The package holds nothing that could be vulnerable: virtual packages, switches, empty collections.</summary>
    NotApplicable,
}

/// <summary>The rule that an answer comes from.</summary>
public enum MappingBasis
{
    /// <summary>No rule applies.</summary>
    None,

    /// <summary>A distribution of PyPI inside a conda environment.</summary>
    PyPI,

    /// <summary>The table of exceptions names the package.</summary>
    Table,

    /// <summary>The published mapping of the channel's packages to the projects of PyPI whose metadata they hold (parselmouth).</summary>
    Parselmouth,

    /// <summary>The published table, kept by hand, of projects of PyPI that conda-forge gives another name (grayskull).</summary>
    Grayskull,

    /// <summary>The build string says that the package was built for Python, and conda names such packages as PyPI does.</summary>
    PythonBuild,

    /// <summary>
    /// It was built for Python, but has a name such as conda gives to parts of a project and to projects that it renames; the name is that
    /// of a project with advisories, and no rule maps it to another.
    /// </summary>
    PartName,

    /// <summary><c>r-NAME</c> is CRAN's, <c>bioconductor-NAME</c> Bioconductor's.</summary>
    RName,

    /// <summary>There is no build string; the name is that of a project with advisories, and no rule maps it to another.</summary>
    NameOnly,
}

/// <summary>A package's project: where its advisories are, and how its versions are compared.</summary>
public readonly record struct MappedPackage
{
    private readonly string _text;
    private readonly int _skip;

    internal MappedPackage(
        MappingAnswer answer, MappingBasis basis, string ecosystem, string text, int skip, VersionScheme scheme, bool isChannelKnown)
    {
        Answer = answer;
        Basis = basis;
        Ecosystem = ecosystem;
        _text = text;
        _skip = skip;
        Scheme = scheme;
        IsChannelKnown = isChannelKnown;
    }

    public MappingAnswer Answer { get; }

    public MappingBasis Basis { get; }

    /// <summary>Of the project; where there is no project, of the advisories that may still list the package (conda's own).</summary>
    public string Ecosystem { get; }

    /// <summary>The order in which versions are compared.</summary>
    public VersionScheme Scheme { get; }

    /// <summary>False where the answer rests on a name in a channel whose naming conventions are unknown.</summary>
    public bool IsChannelKnown { get; }

    /// <summary>The project, under its normalised name.</summary>
    public PackageIdentity Identity => PackageIdentity.Of(Ecosystem, _text[_skip..]);

    internal ReadOnlySpan<char> Name => _text.AsSpan(_skip);
}
