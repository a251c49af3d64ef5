namespace EnvPlatform.Scanner.Upgrades;

/// <summary>The smallest set of upgrades that clears an environment, and the commands that carry it out.</summary>
/// <param name="Items">Each package at most once.</param>
/// <param name="Commands">To be pasted in this order.</param>
/// <param name="Unfixed">What nothing clears that could be installed.</param>
/// <param name="Channels">The channels of the environment's conda packages, and what is known of them.</param>
/// <param name="Notes">What was not checked, and what the upgrades bring besides.</param>
public sealed record EnvironmentUpgrades(
    IReadOnlyList<Upgrade> Items, IReadOnlyList<UpgradeCommand> Commands, IReadOnlyList<Unfixed> Unfixed,
    IReadOnlyList<UpgradeChannel> Channels, IReadOnlyList<string> Notes);

/// <summary>A channel of the environment's conda packages.</summary>
/// <param name="Subdir">The environment's platform; null where it is not known.</param>
/// <param name="Known">whole; in_part: of the platform or of noarch only; not_known.</param>
/// <param name="ImportedAt">When its repodata was imported, of the two the earlier time; null where it is not known.</param>
public sealed record UpgradeChannel(string Channel, string? Subdir, string Known, DateTimeOffset? ImportedAt)
{
    internal const string Whole = "whole";
    internal const string InPart = "in_part";
    internal const string NotKnown = "not_known";
}
