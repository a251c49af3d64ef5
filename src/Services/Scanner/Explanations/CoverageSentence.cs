namespace EnvPlatform.Scanner.Explanations;

/// <summary>How a package was checked, or why not, as a sentence.</summary>
internal static class CoverageSentence
{
    /// <param name="coverage">checked, not_checked or not_applicable.</param>
    /// <param name="reason">The code of why it was not checked.</param>
    /// <param name="notEvaluable">The advisories that cannot be compared with its version.</param>
    public static string Of(
        string coverage, string? reason, string manager, string name, string? channel, string? version,
        PackageMapping mapping, IReadOnlyList<string>? notEvaluable = null) => coverage switch
        {
            "checked" => mapping.Why(manager, name, channel) + $" Its version was compared in the order {mapping.Order}.",
            "not_applicable" =>
                $"There is nothing to check in {name}: " + (mapping.Reason ?? "a virtual package stands for what the machine has") + ".",
            _ => "Not checked: " + reason switch
            {
                "not_mapped" => mapping.Reason is { } why
                    ? $"which project the package {name} holds is not known: {why}."
                    : $"which project the package {name} holds is not known.",
                "no_such_project" => $"the package {name} is no project that advisories at hand speak of"
                    + (mapping.Reason is { } none ? $": {none}." : "."),
                "unknown_channel" => $"nothing was found under the name {name}, and what the channel {channel} calls so is not known.",
                "invalid_version" => string.IsNullOrEmpty(version)
                    ? "the log has no exact version."
                    : $"{version} is no version in the order {mapping.Order}, in which {mapping.Ecosystem}'s "
                        + $"{mapping.Project} is compared.",
                "no_advisory_source" =>
                    $"no complete source of advisories for {mapping.Ecosystem} was imported, and none of those at hand names "
                    + $"{mapping.Project}.",
                "advisory_not_evaluable" =>
                    $"advisories for {mapping.Ecosystem}'s {mapping.Project} do not say which versions are affected, or not so that they "
                    + $"can be compared: {Some(notEvaluable ?? [])}.",
                null => "no reason was given.",
                _ => reason.Replace('_', ' ') + ".",
            },
        };

    private static string Some(IReadOnlyList<string> ids)
    {
        const int shown = 10;
        return ids.Count == 0 ? "it is not known which"
            : string.Join(", ", ids.Take(shown)) + (ids.Count > shown ? $" and {ids.Count - shown} more" : "");
    }
}
