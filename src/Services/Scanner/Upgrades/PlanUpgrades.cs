using EnvPlatform.Contracts.Ids;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Repodata;

using Npgsql;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// Decides how an environment is cleared: by what its channels hold where that is known, else by the versions that the organization has
/// logged, else by what advisories name as fixes.
/// </summary>
internal sealed class PlanUpgrades(NpgsqlDataSource db, CondaChannels channels)
{
    private const string Conda = "conda";

    // An environment with more packages is not searched.
    private const int MaxSearched = 2_000;
    private const int Named = 10;

    /// <param name="vulnerable">The packages in which something was found.</param>
    /// <param name="held">All conda packages of the environment.</param>
    public async Task<EnvironmentUpgrades> RunAsync(
        OrganizationId organization, AdvisoryIndex index, IReadOnlyList<VulnerablePackage> vulnerable, IReadOnlyList<HeldPackage> held,
        UpgradeTarget target, CancellationToken ct)
    {
        var platform = target.Platform is { Length: > 0 } given && RepodataChannels.IsSubdir(given) ? given : PlatformOf(held);
        var contents = await ChannelContents.OpenAsync(
            db, platform is null || held.Count > MaxSearched ? [] : held.Select(package => package.Channel).OfType<string>(),
            platform ?? "", ct);
        var (inChannels, others) = await DivideAsync(contents, index, vulnerable, ct);
        var seen = await SeenVersions.OfAsync(
            db, organization, channels,
            [.. others.Where(package => package.Manager == Conda && package.Wanted.Count > 0).Select(KeyOf)], ct);
        var plan = SeenPlan.Prefer(UpgradePlan.Of(index, others), index, others, package => seen[KeyOf(package)]);

        var leftOver = LeftOver.Of(index, plan.Upgrades, others, held);
        plan = new(
            [.. plan.Upgrades.Where(upgrade => !leftOver.Any(one => one.Upgrade == upgrade))],
            [.. plan.Unfixed, .. leftOver.SelectMany(one => one.Unfixed)]);

        var packages = await HeldCondaPackages.ReadAsync(contents, held, ct);
        var known = await ChannelPlan.MakeAsync(contents, packages, inChannels, ct);
        Upgrade[] upgrades =
        [
            .. plan.Upgrades.Concat(known.Upgrades).OrderBy(upgrade => upgrade.Manager, StringComparer.Ordinal)
                .ThenBy(upgrade => upgrade.Name, StringComparer.Ordinal),
        ];
        var names = upgrades.Where(upgrade => upgrade.Manager == Conda).Select(upgrade => upgrade.Name).ToHashSet(StringComparer.Ordinal);
        return new(
            upgrades,
            UpgradeCommands.Of(
                upgrades, target,
                vulnerable.Where(package => package.Manager == Conda && names.Contains(package.Name))
                    .Select(package => package.Installed.Channel).OfType<string>()),
            [.. plan.Unfixed.Concat(known.Unfixed).OrderBy(one => one.Manager, StringComparer.Ordinal)
                .ThenBy(one => one.Name, StringComparer.Ordinal).ThenBy(one => one.Vulnerability, StringComparer.Ordinal)],
            ChannelsOf(contents, held, platform),
            [.. TooLarge(held), .. NotChecked(upgrades, platform), .. known.Notes(index), .. NotKnown(upgrades, packages)]);
    }

    /// <summary>The packages whose channel holds the name, or is known not to, and the others.</summary>
    private async Task<(List<InChannel> InChannels, List<VulnerablePackage> Others)> DivideAsync(
        ChannelContents contents, AdvisoryIndex index, IReadOnlyList<VulnerablePackage> vulnerable, CancellationToken ct)
    {
        var inChannels = new List<InChannel>();
        var others = new List<VulnerablePackage>();
        await contents.LoadAsync(
            [.. vulnerable.Where(package => package.Manager == Conda && package.Wanted.Count > 0).Select(package => package.Name)
                .Distinct(StringComparer.Ordinal)], ct);
        foreach (var same in vulnerable.GroupBy(package => (package.Manager, package.Name)))
        {
            if (same.Key.Manager == Conda && same.Any(package => package.Wanted.Count > 0)
                && contents.Of(KeyOf(same.First()).Channel) is { } channel && index.TableOf(same.First().Installed) is { } table
                && (channel.IsWhole || contents.BuildsOf(channel.Channel, same.Key.Name) is { Length: > 0 }) && !contents.IsTooMuch)
            {
                inChannels.Add(new(ProjectUpgrade.Merge(table, same), table, channel));
            }
            else
            {
                others.AddRange(same);
            }
        }

        return ([.. inChannels.OrderBy(one => one.Package.Name, StringComparer.Ordinal)], others);
    }

    private (string Name, string? Channel) KeyOf(VulnerablePackage package) =>
        (package.Name, RepodataChannels.NameOf(channels, package.Installed.Channel));

    // A log of a file may say for which platform its packages are, and not which platform it is of.
    private static string? PlatformOf(IReadOnlyList<HeldPackage> held) =>
        held.Select(package => package.Subdir).Where(subdir => RepodataChannels.IsSubdir(subdir) && subdir != RepodataChannels.NoArch)
            .CountBy(subdir => subdir).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => pair.Key).FirstOrDefault();

    private static IEnumerable<string> TooLarge(IReadOnlyList<HeldPackage> held) => held.Count > MaxSearched
        ? [$"The environment has more than {MaxSearched} conda packages: what its channels hold was not looked at."]
        : [];

    private static IEnumerable<string> NotChecked(Upgrade[] upgrades, string? platform)
    {
        var where = platform is null ? "" : $" for {platform}";
        string[] Of(string basis) => [.. upgrades.Where(upgrade => upgrade.Basis == basis).Select(upgrade => upgrade.Name)];
        if (Of(Upgrade.NotKnown) is [_, ..] unknown)
        {
            yield return $"The versions of {List(unknown)} are those that advisories name as fixes. What the channel holds{where} is not "
                + "known: whether it has them, and whether they can be installed beside the rest, was not checked.";
        }

        if (Of(Upgrade.OfLogs) is [_, ..] logged)
        {
            yield return $"The versions of {List(logged)} are in your organization's logs. What the channel holds{where} is not known: "
                + "whether it still has them, and whether they can be installed beside the rest, was not checked.";
        }

        if (Of(Upgrade.OfAdvisory) is [_, ..] named)
        {
            yield return $"The versions of {List(named)} are those that advisories name as fixes. What PyPI holds, and whether they can be "
                + "installed beside the rest, was not checked.";
        }
    }

    private static UpgradeChannel[] ChannelsOf(ChannelContents contents, IReadOnlyList<HeldPackage> held, string? platform) =>
    [
        .. held.Select(package => package.Channel).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(channel => contents.Of(channel) is { } known
                ? new UpgradeChannel(
                    channel, platform, known.IsWhole ? UpgradeChannel.Whole : UpgradeChannel.InPart, known.ImportedAt)
                : new UpgradeChannel(channel, platform, UpgradeChannel.NotKnown, null)),
    ];

    private static IEnumerable<string> NotKnown(Upgrade[] upgrades, HeldCondaPackages packages)
    {
        if (upgrades.Any(upgrade => upgrade.Checked) && packages.WithoutConstraints() is [_, ..] names)
        {
            yield return $"What the installed {List(names)} need is not known, because their channel is not, or does not list their build.";
        }
    }

    private static string List(string[] names) =>
        string.Join(", ", names.Take(Named)) + (names.Length > Named ? $" and {names.Length - Named} more" : "");
}
