namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>What a reader found in a file: one environment.</summary>
/// <param name="Name">As in the file, or null.</param>
/// <param name="Platform">As in the file or its packages, or null.</param>
/// <param name="Packages">In the order of the file.</param>
/// <param name="NotExact">What the file leaves open, and what of it was not understood.</param>
/// <param name="Warnings">Sentences for the user.</param>
/// <param name="Part">
/// Which environment and platform of a file that names several environments, such as <c>default/linux-64</c>; else null.
/// </param>
/// <param name="Location">The folder of the environment that the file was written from, where it says so; it need not be here.</param>
internal sealed record FileContent(
    string? Name,
    string? Platform,
    IReadOnlyList<Package> Packages,
    IReadOnlyList<NotExact> NotExact,
    IReadOnlyList<string> Warnings,
    string? Part = null,
    string? Location = null);
