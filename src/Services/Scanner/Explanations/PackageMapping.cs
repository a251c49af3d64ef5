using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Explanations;

/// <summary>What a package was mapped to and by which rule, as stored with the package.</summary>
/// <param name="Basis">The rule's code; see <see cref="CodeOf"/>.</param>
/// <param name="Reason">The rule's reason for this package; null where it is the same for all packages.</param>
/// <param name="Order">The order that its versions compare in.</param>
internal sealed record PackageMapping(string Ecosystem, string Project, string Basis, string? Reason, string Order)
{
    public static PackageMapping Of(in InstalledPackage package, in MappedPackage mapped, AdvisoryIndex index)
    {
        var (ecosystem, project) = mapped.Identity;
        return new(ecosystem, project, CodeOf(mapped.Basis), index.ReasonOf(package, mapped), VersionOrder.NameOf(mapped.Scheme));
    }

    /// <summary>The code of a rule in answers.</summary>
    public static string CodeOf(MappingBasis basis) => basis switch
    {
        MappingBasis.None => "none",
        MappingBasis.PyPI => "pypi",
        MappingBasis.Table => "table",
        MappingBasis.Parselmouth => "parselmouth",
        MappingBasis.Grayskull => "grayskull",
        MappingBasis.PythonBuild => "python_build",
        MappingBasis.PartName => "part_name",
        MappingBasis.RName => "r_name",
        MappingBasis.NameOnly => "name_only",
        _ => throw new ArgumentOutOfRangeException(nameof(basis), basis, null),
    };

    /// <summary>As a sentence: what the package is mapped to, and why.</summary>
    public string Why(string manager, string name, string? channel)
    {
        var package = manager == "pypi"
            ? $"The distribution {name}"
            : $"The conda package {name}" + (string.IsNullOrEmpty(channel) ? "" : $" of channel {channel}");
        var project = $"{Ecosystem}'s {Project}";
        return Basis switch
        {
            "pypi" => $"{package} was installed from PyPI: it is {project}.",
            "table" => $"{package} is taken for {project} by the table of names: {Reason}.",
            "parselmouth" when Reason is not null => $"No project is known that {Lower(package)} is: {Reason}.",
            "grayskull" when Reason is not null =>
                $"No project is known that {Lower(package)} is by the table of names that conda-forge gives to projects of PyPI: {Reason}.",
            "parselmouth" => $"{package} is taken for {project}: the published mapping of the channel's packages (parselmouth) found that "
                + "project's metadata in it.",
            "grayskull" => $"{package} is taken for {project}: the published table of names that conda-forge gives to projects of PyPI "
                + "(grayskull) says so.",
            "python_build" => $"{package} is taken for {project}: its build string says that it was built for Python, and conda names such "
                + "packages as PyPI does.",
            "part_name" => $"{package} is taken for {project} by its name alone, and no rule says otherwise: conda gives such names "
                + "also to parts of a project and to projects that it renames.",
            "r_name" => $"{package} is taken for {project}: conda names the packages of {Ecosystem} so.",
            "name_only" => $"{package} is taken for {project} by its name alone: the log has no build string, and no rule says otherwise.",
            "none" =>
                $"No rule says which project {Lower(package)} holds: only advisories that name the conda package itself are compared.",
            _ => $"{package} is taken for {project}" + (Reason is null ? "." : $": {Reason}."),
        };
    }

    public MappingView View(string manager, string name, string? channel) =>
        new(Ecosystem, Project, Basis, Why(manager, name, channel), Order);

    private static string Lower(string package) => char.ToLowerInvariant(package[0]) + package[1..];
}

/// <summary>What a package was mapped to, by which rule, and how its versions are compared.</summary>
/// <param name="Basis">The rule's code.</param>
/// <param name="Why">As a sentence.</param>
/// <param name="Order">pep440, conda, openssl, cran, semver or generic.</param>
public sealed record MappingView(string Ecosystem, string Project, string Basis, string Why, string Order);
