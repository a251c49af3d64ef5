using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// The platform's own verdict on a finding of a conda package: not affected, because the flaw is in a library inside the wheels of PyPI,
/// and conda's build uses a conda package of the environment instead.
/// </summary>
/// <param name="Status">not_affected.</param>
/// <param name="Library">The library that the advisories are about.</param>
/// <param name="ProvidedBy">The conda packages of the environment that provide it.</param>
/// <param name="Reason">As text.</param>
public sealed record PlatformCuration(string Status, string Library, IReadOnlyList<string> ProvidedBy, string Reason)
{
    /// <param name="library">Null where the platform has no verdict.</param>
    internal static PlatformCuration? Of(string? library, string project, string[]? providedBy) => library is null
        ? null
        : new(
            CurationStatuses.NotAffected, library, providedBy ?? [], BundledLibraries.BuiltIn.Explain(library, project, providedBy ?? []));
}
