using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>The smallest set of upgrades that clears an environment, and the commands that carry it out.</summary>
/// <param name="Items">Each package at most once.</param>
/// <param name="Commands">To be pasted in this order.</param>
/// <param name="Unfixed">What no published fix clears.</param>
public sealed record EnvironmentUpgrades(
    IReadOnlyList<Upgrade> Items, IReadOnlyList<UpgradeCommand> Commands, IReadOnlyList<Unfixed> Unfixed)
{
    internal static EnvironmentUpgrades Of(AdvisoryIndex index, IReadOnlyList<VulnerablePackage> packages, UpgradeTarget target)
    {
        var plan = UpgradePlan.Of(index, packages);
        var upgraded = plan.Upgrades.Where(upgrade => upgrade.Manager == "conda").Select(upgrade => upgrade.Name)
            .ToHashSet(StringComparer.Ordinal);
        var channels = packages.Where(package => package.Manager == "conda" && upgraded.Contains(package.Name))
            .Select(package => package.Installed.Channel).OfType<string>();
        return new(plan.Upgrades, UpgradeCommands.Of(plan.Upgrades, target, channels), plan.Unfixed);
    }
}
