using System.Text.Json;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Explanations;

/// <summary>What an advisory says of a project that cannot be compared with installed versions.</summary>
/// <param name="Why">What it says of versions.</param>
public sealed record NotCompared(string Advisory, string Ecosystem, string Project, string Why)
{
    /// <summary>Maximum number of entries that are kept of a vulnerability.</summary>
    private const int MaxKept = 100;

    internal static NotCompared Of(NotEvaluable entry) => new(entry.Advisory.Id, entry.Project.Ecosystem, entry.Project.Name, entry.Why);

    internal static string Write(IReadOnlyList<NotCompared> entries) => JsonSerializer.Serialize(entries.Take(MaxKept), Json.Options);

    internal static NotCompared[] Read(string json) => JsonSerializer.Deserialize<NotCompared[]>(json, Json.Options) ?? [];
}
